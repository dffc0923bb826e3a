package push

import (
	"context"
	"encoding/json"
	"slices"
	"strings"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/state"
)

// Message is one notification: its headers that matter, and its body.
type Message struct {
	ChannelID, Token, State string
	Body                    []byte
}

// Receive hears one notification. Errors: fault.Unauthorized for a wrong
// token, Invalid for a body without a user (neither is worth sending again),
// anything else when it could not be told or enqueued and must be sent again. A
// channel that is forgotten is answered quietly; one that was retired lately is
// heard, since what it says may be said nowhere else.
func (c *Channels) Receive(ctx context.Context, m Message) error {
	const op = "push: receive"
	switch err := c.verify(ctx, m.Token); {
	case fault.Is(err, fault.Unauthorized):
		return err
	case err != nil:
		return again(op, err)
	}
	if m.State == "sync" { // sent once when a channel opens
		c.Heard(ctx)
		return nil
	}
	list, err := c.Store.Channels(ctx)
	if err != nil {
		return again(op, err)
	}
	if !slices.ContainsFunc(list, func(ch state.PushChannel) bool { return ch.ID == m.ChannelID }) {
		return nil
	}
	var user struct {
		ID string `json:"id"`
	}
	if err := json.Unmarshal(m.Body, &user); err != nil || !validID(user.ID) {
		return fault.New(fault.Invalid, op, "the body names no user")
	}
	if err := c.Hints.Users(ctx, user.ID); err != nil {
		return again(op, err)
	}
	c.Heard(ctx)
	return nil
}

// again makes an error one after which the message is sent again, whatever its
// kind: the directory never repeats what was refused otherwise.
func again(op string, err error) error { return fault.Wrap(fault.Unavailable, op, err) }

// validID bounds what is taken for a directory id; the directory says whether it is one.
func validID(id string) bool {
	return id != "" && len(id) <= 64 && !strings.ContainsAny(id, "/@?#% \t\r\n")
}
