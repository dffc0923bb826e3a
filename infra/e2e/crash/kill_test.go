package crash

import (
	"flag"
	"math/rand/v2"
	"net/http/httptest"
	"os"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
	"example.com/autoprovision/infra/require"
	"example.com/autoprovision/infra/simcomeet"
	"example.com/autoprovision/infra/simworkspace"
)

var (
	kills = flag.Int("kills", 0, "how many times the program is killed under load; 0 for 20, and 100 when everything is required")
	seed  = flag.Uint64("seed", 1, "chooses what happens to whom, and the moments of the kills")
)

const (
	people = 60
	// longest is the longest that the program lives between two kills; a third of
	// its lives end while it starts.
	longest  = 800 * time.Millisecond
	starting = 150 * time.Millisecond
)

// outside is the directory and the app, which live on while the program dies.
type outside struct {
	workspace *simworkspace.Workspace
	comeet    *simcomeet.Server
	flags     []string
}

func newOutside(t *testing.T, data string) *outside {
	t.Helper()
	o := &outside{workspace: simworkspace.New(1, nil), comeet: simcomeet.New(nil)}
	o.workspace.Seed(simworkspace.Company{OrgUnits: []string{"/Off"}})
	o.workspace.Populate(people)
	directory, app := httptest.NewServer(o.workspace.Handler()), httptest.NewServer(o.comeet.Handler())
	t.Cleanup(func() { o.workspace.Close(); directory.Close(); app.Close() })
	o.flags = []string{"-directory-url", directory.URL, "-scim-url", app.URL + "/scim/v2", "-data", data, "-sweep-every", "1s"}
	return o
}

func (o *outside) start(t *testing.T) *program.Program {
	t.Helper()
	p := binary.Start(t, o.flags...)
	p.Directory, p.AppToken = o.flags[1], o.comeet.Token()
	return p
}

// turnOn sets everything so that all that is due is due at once, and does not wait.
func (o *outside) turnOn(p *program.Program) {
	p.API("PUT", "/authorization", object{"accessToken": p.AppToken}, 200)
	p.API("PUT", "/scope", object{"orgUnits": []object{{"path": "/", "on": true}, {"path": "/Off", "on": false}},
		"accessGroups": []string{}, "groups": []string{}, "domains": []string{}}, 200)
	p.API("PUT", "/deprovisioning", object{"appOff": object{"suspendAfter": "within24h"}, "suspended": object{"suspendAfter": "within24h"},
		"deleted": object{"deleteAfter": "within24h"}}, 200)
	p.API("PUT", "/guard", object{"maxShare": 1, "minUsers": 100_000}, 200)
	p.API("POST", "/turnOn", nil, 200)
}

// howMany is the number of kills when no flag says: more before a release.
func howMany() int {
	switch {
	case *kills > 0:
		return *kills
	case os.Getenv(require.Variable) == "all":
		return 100
	}
	return 20
}

// Killed again and again at any moment under load, the program makes in the end
// every account right, and does, and says, nothing twice.
func TestKilledUnderLoad(t *testing.T) {
	t.Parallel()
	o := newOutside(t, t.TempDir())
	// Answers come a while after the effect, so that kills fall in between.
	o.comeet.SetFaults(simcomeet.Faults{LatencyMS: 2, SlowNext: 1 << 30, SlowMS: 6})
	random := rand.New(rand.NewPCG(*seed, 0))
	life := live(t, o, rand.New(rand.NewPCG(*seed, 1)))
	p := o.start(t)
	o.turnOn(p)
	p.Kill()
	n := howMany()
	for range n {
		after := time.Duration(random.Int64N(int64(longest)))
		if random.IntN(3) == 0 {
			after = time.Duration(random.Int64N(int64(starting)))
		}
		cmd := binary.Command(o.flags...)
		if err := cmd.Start(); err != nil {
			t.Fatal(err)
		}
		<-time.After(after)
		if err := cmd.Process.Kill(); err != nil {
			t.Fatalf("it had ended before it was killed: %v", err)
		}
		if err := cmd.Wait(); err == nil {
			t.Fatal("it ended by itself")
		}
	}
	changes := life.end()
	p = o.start(t)
	judge(t, p, o)
	t.Logf("seed %d: %d kills, %d changes in the directory, done in the app: %v", *seed, n, changes, o.comeet.Effects())
}
