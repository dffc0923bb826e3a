package workspace

import (
	"context"
	"encoding/json"
	"net/http"
	"strconv"
	"time"

	admin "google.golang.org/api/admin/directory/v1"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
)

// channelLife is what is asked for; Google's pages name maxima of six hours and of two days.
const channelLife = 6 * time.Hour

// Watch implements directory.Watcher. It is tried again after throttling only: when no answer came,
// the channel may be open, and a second one with the same id would be refused.
func (c *Client) Watch(ctx context.Context, id, event, address, token string) (directory.Channel, error) {
	const op = "workspace: watch users"
	channel := &admin.Channel{
		Id: id, Type: "web_hook", Address: address, Token: token, Payload: true,
		Params: map[string]string{"ttl": strconv.Itoa(int(channelLife.Seconds()))},
	}
	body, err := c.retry(ctx, op, func() (json.RawMessage, error) {
		got, err := c.send(ctx, op, c.limiter.Wait, func(ctx context.Context) error {
			call := c.api.Users.Watch(channel).Customer(customer).Context(ctx)
			if event != "" {
				call.Event(event)
			}
			_, err := call.Do()
			return err
		})
		if err == nil {
			err = c.verdict(op, got)
		}
		return got.body, err
	}, fault.Throttled)
	if err != nil {
		return directory.Channel{}, err
	}
	var got struct {
		ResourceID string `json:"resourceId"`
		Expiration moment `json:"expiration"`
	}
	if err := decode(op, body, &got); err != nil {
		return directory.Channel{}, err
	}
	return directory.Channel{ID: id, ResourceID: got.ResourceID, Expiration: got.Expiration.at}, nil
}

// Stop implements directory.Watcher.
func (c *Client) Stop(ctx context.Context, ch directory.Channel) error {
	const op = "workspace: stop channel"
	channel := &admin.Channel{Id: ch.ID, ResourceId: ch.ResourceID}
	_, err := c.retry(ctx, op, func() (json.RawMessage, error) {
		got, err := c.send(ctx, op, c.limiter.Wait, func(ctx context.Context) error {
			return c.api.Channels.Stop(channel).Context(ctx).Do()
		})
		if err != nil || got.status == http.StatusNotFound {
			return nil, err
		}
		return nil, c.verdict(op, got)
	}, fault.Throttled, fault.Unavailable)
	return err
}
