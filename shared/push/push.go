// Package push owns the directory's push channels: opening, closing, and the
// notifications that come through them.
//
// It promises that a notification is answered only when the look that it asks
// for is durably enqueued, that only the holder of the channel's token is
// heard, and that a notification is a hint to look at a user and nothing more.
// Facts: developers.google.com/workspace/admin/directory/v1/guides/push.
package push

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/tasks"
)

// Ports are what channels need; all are required.
type Ports struct {
	Watcher  directory.Watcher
	Store    state.Channels
	Secrets  secrets.Store
	Tasks    tasks.Queue
	Business clock.Business
	Real     clock.Real
	NewID    func() string
	Log      *slog.Logger
	// Address is where notifications come in; empty when the directory cannot
	// reach us, and then no channel is opened.
	Address string
}

// Channels opens, closes and hears channels. It is safe for concurrent use.
type Channels struct{ Ports }

// New returns it.
func New(p Ports) *Channels { return &Channels{p} }

// secondLook is how long after the end of a push's five minutes the second look
// is due: Google may answer a read just after a change with the old state.
const (
	bucket     = 5 * time.Minute
	secondLook = 2 * time.Minute
)

// Open opens a channel for every user of the customer, and retires those that
// were open before. Its record is written first, since the first message may
// come before the answer.
func (c *Channels) Open(ctx context.Context) error {
	if c.Address == "" {
		return nil
	}
	token, err := c.token(ctx)
	if err != nil {
		return err
	}
	before, err := c.Store.Channels(ctx)
	if err != nil {
		return err
	}
	record := state.PushChannel{ID: c.NewID(), OpenedAt: c.Real()}
	if err := c.Store.PutChannel(ctx, record); err != nil {
		return err
	}
	ch, err := c.Watcher.Watch(ctx, record.ID, c.Address, token.Reveal())
	if err != nil {
		return firstError(c.Store.DeleteChannel(ctx, record.ID), err)
	}
	record.ResourceID, record.Expiration = ch.ResourceID, ch.Expiration
	if err := c.Store.PutChannel(ctx, record); err != nil {
		return err
	}
	return c.stop(ctx, before)
}

// Close stops every channel.
func (c *Channels) Close(ctx context.Context) error {
	open, err := c.Store.Channels(ctx)
	if err != nil {
		return err
	}
	return c.stop(ctx, open)
}

func (c *Channels) stop(ctx context.Context, list []state.PushChannel) error {
	var first error
	for _, ch := range list {
		if ch.ResourceID != "" {
			err := c.Watcher.Stop(ctx, directory.Channel{ID: ch.ID, ResourceID: ch.ResourceID})
			first = firstError(first, err)
		}
		first = firstError(first, c.Store.DeleteChannel(ctx, ch.ID))
	}
	return first
}

// token is what channels carry to prove their sender; it is made once.
func (c *Channels) token(ctx context.Context) (secrets.Value, error) {
	token, _, err := c.Secrets.Latest(ctx, secrets.ChannelToken)
	if !fault.Is(err, fault.NotFound) {
		return token, err
	}
	token = secrets.NewValue(rand.Text())
	_, err = c.Secrets.Put(ctx, secrets.ChannelToken, token)
	return token, err
}

// Message is one notification: its headers that matter, and its body.
type Message struct {
	ChannelID, Token, State, Number string
	Body                            []byte
}

// Receive hears one notification. Errors: fault.Unauthorized for a wrong
// token, Invalid for a body without a user (neither is worth sending again),
// anything else when it could not be enqueued and must be sent again. A
// channel that is not known any more is answered quietly.
func (c *Channels) Receive(ctx context.Context, m Message) error {
	token, _, err := c.Secrets.Latest(ctx, secrets.ChannelToken)
	if fault.Is(err, fault.NotFound) || err == nil && !same(token.Reveal(), m.Token) {
		return fault.New(fault.Unauthorized, "push: receive", "the channel token is not ours")
	}
	if err != nil {
		return err
	}
	if m.State == "sync" {
		return nil
	}
	open, err := c.Store.Channels(ctx)
	if err != nil {
		return err
	}
	if !known(open, m.ChannelID) {
		return nil
	}
	var user struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(m.Body, &user); err != nil || !validID(user.ID) {
		return fault.New(fault.Invalid, "push: receive", "the body names no user")
	}
	now := c.Business()
	end := now.Truncate(bucket).Add(bucket)
	req := reconcile.Request{UserID: user.ID}
	return c.Tasks.Enqueue(ctx,
		reconcile.LookTask(req, fmt.Sprintf("push-%s-%s", m.ChannelID, m.Number), time.Time{}),
		reconcile.LookTask(req, "second-"+end.Format(time.RFC3339), end.Add(secondLook)))
}

// same compares in a time that does not depend on where they differ.
func same(a, b string) bool {
	x, y := sha256.Sum256([]byte(a)), sha256.Sum256([]byte(b))
	return subtle.ConstantTimeCompare(x[:], y[:]) == 1
}

func known(open []state.PushChannel, id string) bool {
	for _, ch := range open {
		if ch.ID == id {
			return true
		}
	}
	return false
}

// validID bounds what is taken for a directory id; the directory says whether it is one.
func validID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsAny(id, "/@?#% \t\r\n")
}

func firstError(errs ...error) error {
	for _, err := range errs {
		if err != nil {
			return err
		}
	}
	return nil
}
