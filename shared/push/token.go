package push

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
)

// readAgain is how soon the token is read again because another one came, or
// there was none yet: what strangers send must not cost a reading each.
const readAgain = time.Second

// token is what channels carry to prove their sender.
type token struct {
	value   secrets.Value
	version string
}

// token is the one that every channel is to carry. It is made once: which version
// of the secret it is stands in the state, where of two processes that made one
// each the first counts. A version that is gone was destroyed by hand, and another
// takes its place.
func (c *Channels) token(ctx context.Context) (token, error) {
	var made, used token
	_, err := state.EditSources(ctx, c.Store, func(s *provision.Sources) (_ []provision.Event, err error) {
		if s.ChannelToken != "" {
			value, err := c.Secrets.Version(ctx, secrets.ChannelToken, s.ChannelToken)
			if err == nil {
				used, err = token{value, s.ChannelToken}, state.ErrUnchanged
			}
			if !fault.Is(err, fault.NotFound) {
				return nil, err
			}
		}
		if made.version == "" {
			made.value = secrets.NewValue(rand.Text())
			if made.version, err = c.Secrets.Put(ctx, secrets.ChannelToken, made.value); err != nil {
				return nil, err
			}
		}
		used, s.ChannelToken = made, made.version
		return nil, nil
	})
	if err != nil {
		return token{}, err
	}
	return used, nil
}

// verify returns nil for our token; fault.Unauthorized for another, and another
// kind when it is not known, or not yet, which is ours.
func (c *Channels) verify(ctx context.Context, sent string) error {
	if c.isKnown(sent) {
		return nil
	}
	if err := c.learn(ctx); err != nil {
		return err
	}
	if !c.isKnown(sent) {
		return fault.New(fault.Unauthorized, "push: verify token", "the channel token is not ours")
	}
	return nil
}

func (c *Channels) isKnown(sent string) bool {
	c.knownMu.Lock()
	defer c.knownMu.Unlock()
	return same(c.known, sent)
}

// learn reads the token, unless it was tried a moment ago: then what came of that
// counts. One reads at a time, and others wait for what comes of it, or until
// they are given up.
func (c *Channels) learn(ctx context.Context) error {
	select {
	case c.learning <- struct{}{}:
		defer func() { <-c.learning }()
	case <-ctx.Done():
		return fault.Wrap(fault.Unavailable, "push: read token", ctx.Err())
	}
	if now := c.Real(); c.learntAt.IsZero() || now.Sub(c.learntAt) >= readAgain {
		c.learntAt = now
		var known secrets.Value
		if known, c.learnErr = c.read(ctx); c.learnErr == nil {
			c.knownMu.Lock()
			c.known = known
			c.knownMu.Unlock()
		}
	}
	return c.learnErr
}

func (c *Channels) read(ctx context.Context) (secrets.Value, error) {
	s, err := c.Store.Sources(ctx)
	if err != nil {
		return secrets.Value{}, err
	}
	if s.ChannelToken == "" {
		return secrets.Value{}, fault.New(fault.Unready, "push: read token", "there is no channel token yet")
	}
	return c.Secrets.Version(ctx, secrets.ChannelToken, s.ChannelToken)
}

// same compares in a time that does not depend on where they differ; no token is like no other.
func same(ours secrets.Value, sent string) bool {
	x, y := sha256.Sum256([]byte(ours.Reveal())), sha256.Sum256([]byte(sent))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1 && !ours.Empty()
}
