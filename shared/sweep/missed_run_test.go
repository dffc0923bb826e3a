package sweep_test

import (
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/infra/simcomeet"
)

// missed is a change without a word, after another one that was swept.
type missed struct {
	name        string
	groups      bool // only a group's members are in scope
	first, then func(*missing)
	want        map[string]string // the accounts that are then otherwise than at first
}

// gone is the state of an account that is there no more.
const gone = ""

// run changes, sweeps, and sweeps once more, which must change nothing.
func (test missed) run(t *testing.T) {
	t.Helper()
	scope := everyoneOn
	if test.groups {
		scope = groupsOnly
	}
	m := newMissing(t, scope)
	want := m.accounts()
	if len(want) < 2 {
		t.Fatalf("at first there are %v", want)
	}
	if test.first != nil {
		test.first(m)
		m.sweep()
		if cmp.Equal(want, m.accounts()) && test.name != "no longer archived" {
			t.Fatal("what came before shows nowhere")
		}
	}
	m.queue.deaf.Store(true)
	test.then(m)
	m.queue.deaf.Store(false)
	maps.Copy(want, test.want)
	maps.DeleteFunc(want, func(_, state string) bool { return state == gone })
	m.sweep()
	if diff := cmp.Diff(want, m.accounts()); diff != "" {
		t.Errorf("accounts (-want +got):\n%s", diff)
	}
	if list := m.app.Violations(); len(list) > 0 {
		t.Errorf("the app accuses: %v", list)
	}
	writes := func() (n int) {
		for call, times := range m.app.Calls() {
			if slices.Contains([]string{simcomeet.CallCreate, simcomeet.CallPatch, simcomeet.CallPut, simcomeet.CallDelete}, call) {
				n += times
			}
		}
		return n
	}
	before := writes()
	m.sweep()
	if again := writes() - before; again != 0 {
		t.Errorf("the sweep after it wrote %d times more", again)
	}
}
