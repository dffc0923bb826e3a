package cloud

import (
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/functions/auditevent"
	"example.com/autoprovision/functions/console"
	"example.com/autoprovision/functions/directorypush"
	"example.com/autoprovision/functions/reconcile"
	"example.com/autoprovision/functions/renewchannels"
	"example.com/autoprovision/functions/sweep"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

// settings are the names of each function's settings in the table that
// deploy.sh reads, by target.
func settings(t *testing.T) map[string][]string {
	t.Helper()
	table, err := os.ReadFile("../../gcp/settings.txt")
	if err != nil {
		t.Fatal(err)
	}
	all := map[string][]string{}
	for line := range strings.Lines(string(table)) {
		if names := strings.Fields(line); len(names) > 0 && !strings.HasPrefix(line, "#") {
			all[names[0]] = names[1:]
		}
	}
	return all
}

// TestSettings: each function is deployed with the settings that it reads, and
// with no other.
func TestSettings(t *testing.T) {
	t.Parallel()
	read := map[string][]string{}
	for target, build := range map[string]func(func(string) string, googlecloud.Outside) (http.Handler, error){
		directorypush.Target: directorypush.New, auditevent.Target: auditevent.New, reconcile.Target: reconcile.New,
		sweep.Target: sweep.New, renewchannels.Target: renewchannels.New, console.Target: console.New,
	} {
		_, _ = build(func(name string) string {
			read[target] = append(read[target], strings.TrimPrefix(name, "AUTOPROVISION_"))
			return ""
		}, googlecloud.Outside{})
		slices.Sort(read[target])
	}
	deployed := settings(t)
	for _, names := range deployed {
		slices.Sort(names)
	}
	if diff := cmp.Diff(read, deployed); diff != "" {
		t.Errorf("read (-), deployed with (+):\n%s", diff)
	}
}
