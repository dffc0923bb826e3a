package push

import (
	"context"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
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
