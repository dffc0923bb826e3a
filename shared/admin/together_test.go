package admin_test

import (
	"context"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/state"
)

// slow is a store that takes a second to write a record, and writes as many as left says.
type slow struct {
	state.Store
	left atomic.Int64
}

func (s *slow) Commit(ctx context.Context, change state.Change) (int64, error) {
	time.Sleep(time.Second)
	if s.left.Add(-1) < 0 {
		return 0, fault.New(fault.Unavailable, "test: commit", "cut off")
	}
	return s.Store.Commit(ctx, change)
}

// leaving is a crowd of whom 20 are held, in front of a slow store.
func leaving(t *testing.T) (*office, []string, *slow) {
	t.Helper()
	o, ids := crowd(t)
	o.Directory().Group("g", ids[:20]...)
	o.World.Sweep()
	store := &slow{Store: o.Service.Store}
	o.Service.Store = store
	return o, ids, store
}

// TestManyTogether: a decision about many people takes not much longer than
// about one; cut off in the middle it says so, and what it had not come to is
// neither lost nor done without being asked for, and can be gone on with.
func TestManyTogether(t *testing.T) {
	t.Parallel()
	for name, test := range map[string]struct {
		arrange func(o *office, ids []string)
		do      func(t *testing.T, o *office) error
		// done is how many of the 20 it is done for.
		done func(o *office) int
		// again goes on after the error.
		again func(t *testing.T, o *office) error
	}{
		"held confirmed": {
			do: confirmAll, again: confirmAll,
			done: func(o *office) int { o.deliver(); return o.suspended() },
		},
		"held dismissed": {
			do: dismissAll, again: dismissAll,
			done: func(o *office) int { o.deliver(); o.World.Sweep(); return 20 - o.heldPeople() },
		},
		"preview confirmed": {
			arrange: func(o *office, ids []string) { // nobody is held but by the edit
				o.Directory().Group("g", ids...)
				o.Directory().Group("small", ids[:20]...)
				o.Advance(time.Minute)
				o.World.Sweep()
			},
			do: func(t *testing.T, o *office) error {
				edit := inGroups("small@example.com")
				return o.Put(t.Context(), edit, o.previewed(t, edit).ID)
			},
			again: confirmAll, // the guard holds the others
			done:  func(o *office) int { o.deliver(); o.World.Sweep(); return o.suspended() },
		},
		"deleted": {
			do: remove, again: remove,
			done: func(o *office) int { return 20 - o.heldPeople() },
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				for _, cut := range []bool{false, true} {
					o, ids, store := leaving(t)
					if test.arrange != nil {
						test.arrange(o, ids)
					}
					store.left.Store(1000)
					if cut {
						store.left.Store(7)
					}
					begun := time.Now()
					err := test.do(t, o)
					took := time.Since(begun)
					if took > 4*time.Second || (err != nil) != cut {
						t.Errorf("cut off %v: took %v, %v", cut, took, err)
					}
					store.left.Store(1000)
					if n := test.done(o); cut && n > 7 || !cut && n != 20 { // seven were written
						t.Errorf("cut off %v: done for %d", cut, n)
					}
					if cut {
						must(t, test.again(t, o))
						if n := test.done(o); n != 20 {
							t.Errorf("gone on with, done for %d", n)
						}
					}
				}
			})
		})
	}
}

func confirmAll(t *testing.T, o *office) error { return o.decideAll(t, true) }

func dismissAll(t *testing.T, o *office) error { return o.decideAll(t, false) }

func (o *office) decideAll(t *testing.T, release bool) error {
	t.Helper()
	held, err := o.Held(t.Context())
	if err != nil || held == nil {
		t.Fatalf("held %+v, %v", held, err)
	}
	return o.DecideHeld(t.Context(), held.ID, nil, release)
}

func remove(t *testing.T, o *office) error { return o.Delete(t.Context()) }

func (o *office) heldPeople() int {
	held, err := o.Held(context.Background())
	if err != nil || held == nil {
		return 0
	}
	return held.People
}
