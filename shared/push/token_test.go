package push

import (
	"context"
	"sync"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
)

// lagging is a secret store whose newest version another process does not see.
type lagging struct{ secrets.Store }

func (lagging) Latest(context.Context, string) (secrets.Value, string, error) {
	return secrets.Value{}, "", fault.New(fault.NotFound, "secrets", "none yet")
}

// another is a second process over the same store and secrets.
func (w *world) another() *Channels {
	w.t.Helper()
	p := w.Ports
	p.Secrets = lagging{p.Secrets}
	return New(p)
}

// The token may be stored after the first message comes, or not be seen yet: the
// directory never repeats what was refused as a stranger's.
func TestTokenNotThereYet(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	if err := w.Receive(t.Context(), Message{ChannelID: "channel-1", Token: "ours", State: "sync"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("before there is a token: %v", err)
	}
	w.renew()
	if err := w.another().Receive(t.Context(), w.message("channel-1")); err != nil {
		t.Errorf("by a process that does not see the newest version yet: %v", err)
	}
	m := w.message("channel-1")
	w.must(w.Secrets.Delete(t.Context(), secrets.ChannelToken))
	if err := w.another().Receive(t.Context(), m); !fault.Is(err, fault.Unavailable) {
		t.Errorf("when it cannot be read: %v", err)
	}
}

// racing is a secret store in which another process renews between our reading
// that there is no token and storing one.
type racing struct {
	secrets.Store
	renew func()
}

func (r *racing) Put(ctx context.Context, name string, v secrets.Value) (string, error) {
	if renew := r.renew; renew != nil {
		r.renew = nil
		renew()
	}
	return r.Store.Put(ctx, name, v)
}

// Two processes that open the first channel at one time carry one token, so that
// neither channel is deaf.
func TestTwoProcessesOneToken(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	other := w.another()
	w.Secrets = &racing{w.Secrets, func() { w.must(other.Renew(t.Context())) }}
	w.renew()
	list, err := w.store.Channels(t.Context())
	w.must(err)
	if len(list) != 2 || list[0].TokenVersion == "" || list[0].TokenVersion != list[1].TokenVersion {
		t.Fatalf("channels %+v", list)
	}
	for _, ch := range list {
		if err := w.another().Receive(t.Context(), w.message(ch.ID)); err != nil {
			t.Errorf("%s: %v", ch.ID, err)
		}
	}
}

// A token that somebody destroyed is replaced, and so are the channels that
// carry it; a process that knows the old one learns the new one.
func TestTokenDestroyed(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.renew()
	hears := w.another()
	old := w.message("channel-1")
	w.must(hears.Receive(t.Context(), old))
	w.must(w.Secrets.Delete(t.Context(), secrets.ChannelToken))
	w.pass(time.Minute)
	w.renew()
	w.wantChannels("channel-2", "channel-1")
	if err := hears.Receive(t.Context(), w.message("channel-2")); err != nil {
		t.Errorf("the new one is not known: %v", err)
	}
	if err := hears.Receive(t.Context(), old); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("the old one is still taken: %v", err)
	}
}

// countedState and countedSecrets count the readings that hearing costs.
type countedState struct {
	Store
	n *int
}

func (c countedState) Sources(ctx context.Context) (provision.Sources, error) {
	*c.n++
	return c.Store.Sources(ctx)
}

type countedSecrets struct {
	secrets.Store
	n *int
}

func (c countedSecrets) Version(ctx context.Context, name, version string) (secrets.Value, error) {
	*c.n++
	return c.Store.Version(ctx, name, version)
}

// Whatever strangers send, and whether there is a token yet or not, costs one
// reading a second; the directory's own cost none.
func TestStrangersCostLittle(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	var n int
	p := w.Ports
	p.Store, p.Secrets = countedState{p.Store, &n}, countedSecrets{p.Secrets, &n}
	hears := New(p)
	many := func(what string, kind fault.Kind, readings int) {
		t.Helper()
		n = 0
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if err := hears.Receive(t.Context(), Message{ChannelID: "channel-1", Token: "mine"}); !fault.Is(err, kind) {
					t.Errorf("%s: %v", what, err)
				}
			})
		}
		all.Wait()
		if n != readings {
			t.Errorf("%s: %d readings, want %d", what, n, readings)
		}
	}
	many("before there is a token", fault.Unavailable, 1)
	many("in the same second", fault.Unavailable, 0)
	w.renew()
	w.pass(time.Second)
	many("when there is one", fault.Unauthorized, 2)
	m := w.message("channel-1")
	w.must(w.Secrets.Delete(t.Context(), secrets.ChannelToken))
	many("in the second after", fault.Unauthorized, 0)
	w.pass(time.Second)
	many("when it cannot be read", fault.Unavailable, 2)
	n = 0
	for range 10 {
		w.must(hears.Receive(t.Context(), m))
	}
	if n != 0 {
		t.Errorf("ours cost %d readings", n)
	}
}
