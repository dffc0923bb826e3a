// Package push owns the directory's push channels: opening, renewing, closing,
// and the notifications that come through them.
//
// It promises that while autoprovisioning is on a channel is open, as far as
// the directory lets it; that a new one is open before the old one ends, and a
// sweep is asked for when there was none for a while; that a notification is
// answered only when the look that it asks for is durably enqueued; that only
// those who carry our token are heard; and that a notification is a hint to look
// at a user and nothing more. What a channel misses, the sweep finds.
// Facts: developers.google.com/workspace/admin/directory/v1/guides/push.
package push

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"slices"
	"sync"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/hint"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
)

// Store is what channels read and write.
type Store interface {
	state.Channels
	state.Sources
	Configuration(ctx context.Context) (provision.Configuration, error)
}

// Ports are what channels need; all but Address are required.
type Ports struct {
	Watcher directory.Watcher
	Store   Store
	Secrets secrets.Store
	Hints   *hint.Hints
	// Heard is told of each notification; it must not fail.
	Heard func(ctx context.Context)
	Real  clock.Real
	NewID func() string
	Log   *slog.Logger
	// Address is where notifications come in; empty when the directory cannot
	// reach us, and then no channel is opened.
	Address string
}

// Channels opens, renews, closes and hears channels. It is safe for concurrent use.
type Channels struct {
	Ports
	// mu lets one renewal or closing at a time run in this process. Two
	// processes may open a channel each, which costs messages that come twice.
	mu sync.Mutex

	// known is the token as this process last read it.
	knownMu sync.Mutex
	known   secrets.Value
	// learning has room for the one who reads the token; whoever waits for it can
	// give up. learntAt is when that was last tried, in real time, and learnErr what
	// came of it.
	learning chan struct{}
	learntAt time.Time
	learnErr error
}

// New returns it.
func New(p Ports) *Channels { return &Channels{Ports: p, learning: make(chan struct{}, 1)} }

const (
	// renewAt is the share of a channel's life after which it is renewed: of six
	// hours, 72 minutes are left to try again in.
	renewAt = 0.8
	// unknownLife is taken for the life of a channel whose end the directory did
	// not say; its pages name six hours and more.
	unknownLife = time.Hour
	// answerTime is how long the directory may take to say that a channel is open.
	answerTime = 5 * time.Minute
	// graceTime is how long a retired channel is heard: what was sent through it
	// before the next one was open may come, or be sent again, later.
	graceTime = time.Hour
	// stopTime is how long stopping a channel is tried; all end by then by themselves.
	stopTime = 48 * time.Hour
)

// Renew brings the channels to what they should be: open and not near their end
// while autoprovisioning is on, closed while it is off. It is to be called every
// few minutes and at the start. What fails is tried again by the next call.
func (c *Channels) Renew(ctx context.Context) error { return c.renew(ctx, true) }

// Open is Renew at a turn-on. The sweep that a turn-on asks for after it finds
// what changed before, so that no other is asked for.
func (c *Channels) Open(ctx context.Context) error { return c.renew(ctx, false) }

func (c *Channels) renew(ctx context.Context, bridge bool) error {
	if c.Address == "" {
		return nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	conf, err := c.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	list, err := c.Store.Channels(ctx)
	if err != nil {
		return err
	}
	if !conf.On {
		return c.retire(ctx, list, 0)
	}
	carry, err := c.token(ctx)
	if err != nil {
		return err
	}
	alive := slices.DeleteFunc(slices.Clone(list), func(ch state.PushChannel) bool { return !c.hears(ch, carry) })
	gap := bridge && !complete(alive)
	var opened []state.PushChannel
	if fresh := slices.DeleteFunc(slices.Clone(alive), c.due); !complete(fresh) {
		opened, err = c.open(ctx, fresh, carry, gap)
	}
	if err == nil {
		err = c.bridge(ctx, slices.Concat(alive, opened))
	}
	// While what was opened is not everything, the old channels stay in use.
	now := c.Real()
	var old []state.PushChannel
	for _, ch := range list {
		unanswered := ch.ResourceID == "" && now.Sub(ch.OpenedAt) > answerTime
		if !ch.RetiredAt.IsZero() || ended(ch, now) || unanswered || err == nil && c.replaced(ch, opened, carry) {
			old = append(old, ch)
		}
	}
	return errors.Join(err, c.retire(ctx, old, graceTime))
}

// bridge asks for a sweep when there was a time without channels before these:
// what changed then was told to nobody.
func (c *Channels) bridge(ctx context.Context, channels []state.PushChannel) error {
	owed := slices.DeleteFunc(channels, func(ch state.PushChannel) bool { return !ch.Gap })
	if len(owed) == 0 {
		return nil
	}
	c.Log.InfoContext(ctx, "there was no push channel for a while: asking for a sweep")
	if err := c.Hints.Sweep(ctx, "channel "+owed[0].ID); err != nil {
		return err
	}
	for _, ch := range owed {
		ch.Gap = false
		if err := c.Store.PutChannel(ctx, ch); err != nil {
			return err
		}
	}
	return nil
}

// Close stops every channel.
func (c *Channels) Close(ctx context.Context) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	list, err := c.Store.Channels(ctx)
	if err != nil {
		return err
	}
	return c.retire(ctx, list, 0)
}

// hears reports whether what is sent through a channel now is heard.
func (c *Channels) hears(ch state.PushChannel, carry token) bool {
	return ch.RetiredAt.IsZero() && ch.ResourceID != "" && ch.Address == c.Address && ch.TokenVersion == carry.version && c.Real().Before(end(ch))
}

// due reports whether a channel that is heard will soon be of no use.
func (c *Channels) due(ch state.PushChannel) bool {
	return !c.Real().Before(ch.OpenedAt.Add(time.Duration(renewAt * float64(end(ch).Sub(ch.OpenedAt)))))
}

// replaced reports whether a channel need not be in use any more once opened
// are open. One without an answer may just be opening elsewhere.
func (c *Channels) replaced(ch state.PushChannel, opened []state.PushChannel, carry token) bool {
	return ch.ResourceID != "" && (!c.hears(ch, carry) || c.due(ch) || len(opened) > 0 && opened[0].Event == "")
}

func end(ch state.PushChannel) time.Time {
	if ch.Expiration.IsZero() {
		return ch.OpenedAt.Add(unknownLife)
	}
	return ch.Expiration
}

func ended(ch state.PushChannel, now time.Time) bool {
	return ch.ResourceID != "" && !ch.Expiration.IsZero() && !now.Before(ch.Expiration)
}

// complete reports whether channels together tell of every kind of change.
func complete(channels []state.PushChannel) bool { return covers(channels, "") }

func covers(channels []state.PushChannel, event string) bool {
	has := func(event string) bool {
		return slices.ContainsFunc(channels, func(ch state.PushChannel) bool { return ch.Event == event })
	}
	if has("") || event != "" && has(event) {
		return true
	}
	return event == "" && !slices.ContainsFunc(directory.UserEvents(), func(e string) bool { return !has(e) })
}

// open opens one channel for everything or, when that is refused, one for each
// kind of change that fresh does not cover. That one channel can do without an
// event is not documented, but done by others.
func (c *Channels) open(ctx context.Context, fresh []state.PushChannel, carry token, gap bool) ([]state.PushChannel, error) {
	ch, err := c.watch(ctx, "", carry, gap)
	if err == nil {
		return []state.PushChannel{ch}, nil
	}
	if !fault.Is(err, fault.Invalid) {
		return nil, err
	}
	c.Log.InfoContext(ctx, "one channel for every event was refused: opening one for each")
	var opened []state.PushChannel
	var errs []error
	for _, event := range directory.UserEvents() {
		if covers(fresh, event) {
			continue
		}
		ch, err := c.watch(ctx, event, carry, gap)
		if err != nil {
			errs = append(errs, err)
			continue
		}
		opened = append(opened, ch)
	}
	return opened, errors.Join(errs...)
}

// watch opens one channel. Its record is written first, since the first message
// may come before the answer.
func (c *Channels) watch(ctx context.Context, event string, carry token, gap bool) (state.PushChannel, error) {
	record := state.PushChannel{ID: c.NewID(), Event: event, Address: c.Address, TokenVersion: carry.version, Gap: gap, OpenedAt: c.Real()}
	if err := c.Store.PutChannel(ctx, record); err != nil {
		return record, err
	}
	ch, err := c.Watcher.Watch(ctx, record.ID, event, c.Address, carry.value.Reveal())
	ctx = context.WithoutCancel(ctx)
	if err != nil && !fault.Is(err, fault.Unavailable, fault.Incomplete) {
		return record, errors.Join(err, c.Store.DeleteChannel(ctx, record.ID))
	}
	if err != nil {
		return record, err // it may be open all the same: the record stays for a while, and what comes is heard
	}
	record.ResourceID, record.Expiration = ch.ResourceID, ch.Expiration
	if err := c.Store.PutChannel(ctx, record); err != nil {
		return record, errors.Join(err, c.Watcher.Stop(ctx, ch))
	}
	c.Log.InfoContext(ctx, "push channel opened", "channel", record.ID, "event", cmp.Or(event, "every"), "expires", record.Expiration)
	return record, nil
}

// retire takes channels out of use, stops them, and forgets those that are
// stopped, or past stopping, once they have not been in use for a while.
func (c *Channels) retire(ctx context.Context, list []state.PushChannel, grace time.Duration) error {
	var errs []error
	for _, ch := range list {
		if err := c.retireOne(ctx, ch, grace); err != nil {
			errs = append(errs, err)
		}
	}
	return errors.Join(errs...)
}

func (c *Channels) retireOne(ctx context.Context, ch state.PushChannel, grace time.Duration) error {
	now, before := c.Real(), ch
	if ch.RetiredAt.IsZero() {
		ch.RetiredAt = now
		if err := c.Store.PutChannel(ctx, ch); err != nil {
			return err
		}
		before = ch
	}
	if past := ended(ch, now) || now.Sub(ch.RetiredAt) > stopTime; past || ch.ResourceID == "" {
		ch.Stopped = true
	} else if !ch.Stopped {
		err := c.Watcher.Stop(ctx, directory.Channel{ID: ch.ID, ResourceID: ch.ResourceID})
		if err != nil { // the next renewal tries again, and what comes meanwhile is heard, or answered quietly
			c.Log.WarnContext(ctx, "the push channel could not be stopped; it ends by itself", "channel", ch.ID, "error", err.Error())
		}
		ch.Stopped = err == nil
	}
	switch {
	case ch.Stopped && now.Sub(ch.RetiredAt) >= grace:
		return c.Store.DeleteChannel(ctx, ch.ID)
	case ch != before:
		return c.Store.PutChannel(ctx, ch)
	}
	return nil
}
