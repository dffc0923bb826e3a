package admin_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile/reconciletest"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/tasks"
)

// shaky is a secret store of which one write fails: stored all the same, or not.
type shaky struct {
	secrets.Store
	writes, bad int // bad is the number of the write that fails; 0 for none
	stored      bool
}

func (s *shaky) write(do func() error) error {
	s.writes++
	if s.writes != s.bad {
		return do()
	}
	if s.stored {
		if err := do(); err != nil {
			return err
		}
	}
	return fault.New(fault.Unavailable, "test: secrets", "no answer")
}

func (s *shaky) Put(ctx context.Context, name string, v secrets.Value) (version string, err error) {
	err = s.write(func() (err error) { version, err = s.Store.Put(ctx, name, v); return err })
	if err != nil {
		version = ""
	}
	return version, err
}

func (s *shaky) DestroyBefore(ctx context.Context, name, version string) error {
	return s.write(func() error { return s.Store.DestroyBefore(ctx, name, version) })
}

func (s *shaky) Delete(ctx context.Context, name string) error {
	return s.write(func() error { return s.Store.Delete(ctx, name) })
}

// action is something that an administrator does, and what is so when it is done.
type action struct {
	name    string
	arrange func(o *office)
	do      func(o *office) error
	done    func(o *office) bool
	event   string // the configuration's event; empty for none
}

func actions(ctx context.Context) []action {
	frames := provision.TimeFrames{SuspendAfter: "7d", DeleteAfter: "21d"}
	policy := provision.Deprovisioning{AppOff: frames, Suspended: frames, Deleted: frames}
	off := func(o *office) {
		o.World.Configure(func(c *provision.Configuration) { c.On, c.Revision = false, c.Revision+1 })
		o.Advance(time.Hour)
	}
	settle := func(release bool) func(o *office) error {
		return func(o *office) error {
			held, err := o.Held(ctx)
			if err != nil || held == nil {
				return err
			}
			return o.DecideHeld(ctx, held.ID, nil, release)
		}
	}
	nobodyHeld := func(o *office) bool {
		return o.Record(reconciletest.ID(0)).Hold == nil && o.Record(reconciletest.ID(1)).Hold == nil
	}
	return []action{
		{"edit", func(*office) {}, func(o *office) error { return o.Put(ctx, admin.Proposal{Deprovisioning: &policy}, "") },
			func(o *office) bool {
				now, _ := o.Configuration().Policy()
				return now == policy && !o.owed()
			}, "deprovisioning time frames edited"},
		{"authorize", func(*office) {}, func(o *office) error { return o.Authorize(ctx, secrets.NewValue("good")) },
			func(o *office) bool { return o.Configuration().Authorization.SecretVersion != "1" }, ""},
		{"turn off", func(*office) {}, func(o *office) error { return o.TurnOff(ctx) },
			func(o *office) bool { return !o.Configuration().On }, "turned off"},
		{"turn on", off, func(o *office) error { return o.TurnOn(ctx, "") },
			func(o *office) bool {
				all, err := o.Store.Sweeps(ctx)
				c := o.Configuration()
				return err == nil && c.On && !all.Current.QueuedAt.Before(c.TurnedOnAt) && slices.ContainsFunc(o.Queue.Waiting(),
					func(task tasks.Task) bool { return strings.Contains(string(task.Body), all.Current.ID) })
			}, "turned on"},
		{"delete", func(*office) {}, func(o *office) error { return o.Delete(ctx) },
			func(o *office) bool {
				_, _, err := o.secrets.Latest(ctx, secrets.AppToken)
				return fault.Is(err, fault.NotFound) && !o.Configuration().Ready() && nobodyHeld(o) && len(o.Record(reconciletest.ID(0)).Conditions) == 0
			}, "configuration deleted"},
		{"confirm held", func(*office) {}, settle(true),
			func(o *office) bool { o.World.Sweep(); return nobodyHeld(o) && o.suspended() == 2 }, ""}, // a sweep finds who was not looked at
		{"dismiss held", func(*office) {}, settle(false),
			func(o *office) bool { o.World.Sweep(); return nobodyHeld(o) && o.suspended() == 0 }, ""},
	}
}

// heldOffice has three people, of whom two are out of scope and held.
func heldOffice(t *testing.T, a action) (*office, *shaky) {
	o := newOffice(t)
	vault := &shaky{Store: o.secrets}
	o.Service.Secrets = vault
	ids := o.Directory().HireMany(3)
	o.Directory().Group("g", ids...)
	o.World.Configure(func(c *provision.Configuration) {
		c.Scope.Groups = []provision.GroupRef{{ID: "g", Email: "g@example.com"}}
		c.Policies[0].Policy.AppOff = provision.TimeFrames{SuspendAfter: provision.Within24h}
		c.Guard = provision.Guard{}
	})
	o.MustLook(ids...)
	o.Advance(2 * day)
	o.Directory().Group("g", ids[2])
	o.World.Sweep()
	if o.Record(ids[0]).Hold == nil || o.Record(ids[1]).Hold == nil {
		t.Fatal("nobody is held")
	}
	a.arrange(o)
	o.Process().Inject(reconciletest.Fault{})
	return o, vault
}

// TestFaultMatrix makes each port call of what an administrator does fail, with
// its effect and without: what was answered with success is done, a token that
// the configuration names is there at any time, and doing it again ends it.
func TestFaultMatrix(t *testing.T) {
	t.Parallel()
	for _, a := range actions(t.Context()) {
		t.Run(a.name, func(t *testing.T) {
			t.Parallel()
			o, vault := heldOffice(t, a)
			must(t, a.do(o))
			calls, writes := o.Process().Calls(), vault.writes
			if !a.done(o) {
				t.Fatal("not done without any fault")
			}
			for i, name := range calls {
				for _, how := range []reconciletest.How{reconciletest.Before, reconciletest.After} {
					o, _ := heldOffice(t, a)
					o.Process().Inject(reconciletest.Fault{Call: i + 1, How: how})
					o.ends(t, fmt.Sprintf("call %d, %s, %v", i+1, name, how), a)
				}
			}
			for i := range writes {
				for _, stored := range []bool{false, true} {
					o, vault := heldOffice(t, a)
					vault.bad, vault.stored = i+1, stored
					o.ends(t, fmt.Sprintf("write %d of secrets fails, stored %t", i+1, stored), a)
				}
			}
		})
	}
}

// ends does an action until it is answered with success.
func (o *office) ends(t *testing.T, what string, a action) {
	t.Helper()
	err := a.do(o)
	for try := 0; err != nil; try++ {
		if c := o.Configuration(); c.Authorization.State == provision.AuthorizationOK {
			if _, lost := o.secrets.Version(t.Context(), secrets.AppToken, c.Authorization.SecretVersion); lost != nil {
				t.Errorf("%s: the token that the configuration names is gone: %v", what, lost)
			}
		}
		if try == 3 {
			t.Errorf("%s: never ends: %v", what, err)
			return
		}
		err = a.do(o)
	}
	if !a.done(o) {
		t.Errorf("%s: answered with success, and not done", what)
	}
	begins := func(event string) bool {
		return strings.HasPrefix(event, provision.EventConfiguration+" done "+a.event)
	}
	if a.event != "" && !slices.ContainsFunc(o.World.Events(), begins) {
		t.Errorf("%s: no event %q", what, a.event)
	}
}
