package cloud

import (
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
)

// teller is a test that remembers why it failed, to say it once more when all
// else is said: of a long output the beginning may be cut off.
type teller struct {
	*testing.T
	why *reasons
}

type reasons struct {
	mu   sync.Mutex
	list []string
}

func (r *reasons) add(test, reason string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.list = append(r.list, test+": "+reason)
}

func (r *reasons) String() string {
	r.mu.Lock()
	defer r.mu.Unlock()
	return strings.Join(r.list, "\n")
}

func (t teller) Error(args ...any) {
	t.Helper()
	t.why.add(t.Name(), fmt.Sprint(args...))
	t.T.Error(args...)
}

func (t teller) Errorf(format string, args ...any) {
	t.Helper()
	t.Error(fmt.Sprintf(format, args...))
}

func (t teller) Fatal(args ...any) {
	t.Helper()
	t.why.add(t.Name(), fmt.Sprint(args...))
	t.T.Fatal(args...)
}

func (t teller) Fatalf(format string, args ...any) {
	t.Helper()
	t.Fatal(fmt.Sprintf(format, args...))
}

// tell says after a failure what there is to know, the reason last.
func (w *world) tell() {
	where := "nowhere"
	if file, err := os.CreateTemp("", "autoprovision-cloud-*.log"); err == nil {
		where = file.Name()
		_, _ = file.WriteString(w.log.String()) // its end is printed
		_ = file.Close()
	}
	w.t.Logf("the functions' log is kept in %s; its end:\n%s\nunder way: %s\nwhy it failed:\n%s", where, w.log.last(30), w.underWay(), w.t.why)
}
