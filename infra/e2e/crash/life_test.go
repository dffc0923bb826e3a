package crash

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"sync"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
	"example.com/autoprovision/infra/simworkspace"
)

// pace is the time between two changes in the directory.
const pace = 8 * time.Millisecond

// life is what goes on in the directory: people are hired, renamed, moved,
// suspended, deleted, and all of it back again.
type life struct {
	t      *testing.T
	o      *outside
	random *rand.Rand
	stop   func()
	// changes counts; it is read after the end.
	changes int
}

func live(t *testing.T, o *outside, random *rand.Rand) *life {
	l := &life{t: t, o: o, random: random}
	stop := make(chan struct{})
	var ended sync.WaitGroup
	l.stop = sync.OnceFunc(func() { close(stop); ended.Wait() })
	t.Cleanup(l.stop)
	ended.Go(func() {
		tick := time.NewTicker(pace)
		defer tick.Stop()
		for {
			select {
			case <-stop:
				return
			case <-tick.C:
				l.change()
			}
		}
	})
	return l
}

// end ends it and returns how many changes there were.
func (l *life) end() int {
	l.stop()
	return l.changes
}

// change does one thing to one person.
func (l *life) change() {
	all := l.o.workspace.People()
	p := all[l.random.IntN(len(all))]
	l.changes++
	user := "/users/" + p.ID
	switch kind := l.random.IntN(10); {
	case !p.DeletedAt.IsZero():
		l.send("POST", user+"/undelete", object{"orgUnitPath": "/"})
	case kind < 3:
		l.send("PATCH", user, object{"suspended": !p.Suspended})
	case kind < 5:
		l.send("PATCH", user, object{"orgUnitPath": other(p)})
	case kind < 7:
		l.send("PATCH", user, object{"name": object{"familyName": fmt.Sprintf("Name%d", l.changes)}})
	case kind < 8:
		l.send("PATCH", user, object{"primaryEmail": fmt.Sprintf("renamed-%d@example.com", l.changes)})
	case kind < 9:
		l.send("DELETE", user, nil)
	default:
		l.send("POST", "/users", object{"primaryEmail": fmt.Sprintf("hired-%d@example.com", l.changes), "name": object{"givenName": "New", "familyName": "One"}})
	}
}

func other(p simworkspace.PersonView) string {
	if p.OrgUnit == "/Off" {
		return "/"
	}
	return "/Off"
}

func (l *life) send(method, path string, body any) {
	status, out, err := program.Call(l.t.Context(), method, l.o.flags[1]+"/admin/directory/v1"+path, "", body)
	if err != nil || status >= http.StatusMultipleChoices {
		l.t.Errorf("directory: %s %s: %d %v %v", method, path, status, out, err)
	}
}
