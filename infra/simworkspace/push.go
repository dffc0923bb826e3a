package simworkspace

import (
	"bytes"
	"cmp"
	"context"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/cenkalti/backoff/v5"
)

// channelLife is the default and the longest life of a channel, the shorter of those that Google names.
const channelLife = 6 * time.Hour

// channel delivers notifications to one address.
type channel struct {
	id, token, address string
	event              string // empty for every event
	resourceID         string
	resourceURI        string
	expiration         time.Time
	number             int64 // of the last message; guarded by the Workspace's lock

	client *http.Client
	*outbox
}

type notification struct {
	number int64
	state  string
	body   []byte
	notYet time.Time
}

func (w *Workspace) watchUsers(r *http.Request) (object, error) {
	q := r.URL.Query()
	if q.Get("domain") == "" {
		if err := w.checkCustomer(q.Get("customer")); err != nil {
			return nil, err
		}
	}
	event := q.Get("event")
	if event != "" && !slices.Contains([]string{"add", "delete", "makeAdmin", "undelete", "update"}, event) ||
		event == "" && w.Faults().WatchNeedsEvent {
		return nil, invalid("event")
	}
	var request struct {
		ID         string         `json:"id"`
		Type       string         `json:"type"`
		Address    string         `json:"address"`
		Token      string         `json:"token"`
		Expiration any            `json:"expiration"`
		Params     map[string]any `json:"params"`
	}
	if err := body(r, &request); err != nil {
		return nil, err
	}
	address, err := url.Parse(request.Address)
	switch {
	case request.ID == "" || len(request.ID) > 64:
		return nil, &apiError{http.StatusBadRequest, "required", "entity.id: Required"}
	case w.channels[request.ID] != nil:
		return nil, &apiError{http.StatusBadRequest, "channelIdNotUnique", "Channel id not unique"}
	case request.Type != "web_hook":
		return nil, invalid("type")
	case len(request.Token) > 256:
		return nil, invalid("token")
	case err != nil || address.Host == "" || address.Scheme != "https" && address.Scheme != "http":
		// Google takes https only; here a receiver may be on the same machine.
		return nil, &apiError{http.StatusBadRequest, "push.webhookUrlNotHttps", "WebHook callback must be HTTPS: " + request.Address}
	}
	life := channelLife
	if ttl := number(request.Params["ttl"]); ttl > 0 {
		life = min(life, time.Duration(ttl)*time.Second)
	}
	if ms := number(request.Expiration); ms > 0 {
		life = min(life, time.UnixMilli(ms).Sub(w.now()))
	}
	ch := &channel{
		id: request.ID, token: request.Token, address: request.Address, event: event,
		resourceID:  "R-" + w.customerID + "-users-" + cmp.Or(event, "all"),
		resourceURI: "https://admin.googleapis.com/admin/directory/v1/users?alt=json&customer=" + w.customerID + eventParam(event),
		expiration:  w.now().Add(life), client: w.push, outbox: newOutbox(),
	}
	w.channels[ch.id] = ch
	ch.number = 1
	ch.enqueue(notification{number: 1, state: "sync"})
	return object{
		{"kind", "api#channel"}, {"id", ch.id}, {"resourceId", ch.resourceID}, {"resourceUri", ch.resourceURI},
	}.with("token", ch.token).with("expiration", strconv.FormatInt(ch.expiration.UnixMilli(), 10)), nil
}

func eventParam(event string) string {
	if event == "" {
		return ""
	}
	return "&event=" + event
}

// number reads a JSON number that may be in a string.
func number(v any) int64 {
	switch v := v.(type) {
	case float64:
		return int64(v)
	case string:
		n, err := strconv.ParseInt(v, 10, 64)
		if err == nil {
			return n
		}
	}
	return 0
}

func (w *Workspace) stopChannel(r *http.Request) (object, error) {
	var request struct {
		ID         string `json:"id"`
		ResourceID string `json:"resourceId"`
	}
	if err := body(r, &request); err != nil {
		return nil, err
	}
	ch := w.channels[request.ID]
	if ch == nil || ch.resourceID != request.ResourceID {
		return nil, &apiError{http.StatusNotFound, "notFound", "Channel '" + request.ID + "' not found for project"}
	}
	delete(w.channels, ch.id)
	ch.stop()
	return nil, nil
}

// notify tells every open channel of a change of a user; the lock is held.
func (w *Workspace) notify(event string, u *user) {
	if len(w.channels) == 0 {
		return
	}
	copies, delay := w.faults.pushes()
	payload, err := mask(nil).appendJSON(nil, object{
		{"kind", "admin#directory#user"}, {"id", u.id}, {"etag", etag("push", w.nextRevision())}, {"primaryEmail", u.email},
	})
	if err != nil {
		return
	}
	for id, ch := range w.channels {
		if !w.now().Before(ch.expiration) {
			delete(w.channels, id)
			ch.stop()
			continue
		}
		if ch.event != "" && ch.event != event {
			continue
		}
		ch.number += 1 + w.rng.Int64N(1000) // numbers rise, not one by one
		for range copies {
			ch.enqueue(notification{number: ch.number, state: event, body: payload, notYet: time.Now().Add(delay)})
		}
	}
}

func (c *channel) enqueue(n notification) {
	c.add(delivery{n.notYet, func(ctx context.Context) error { return c.post(ctx, n) }})
}

// post sends once; only 500, 502, 503 and 504 are worth another try
// (https://developers.google.com/workspace/admin/directory/v1/guides/push).
func (c *channel) post(ctx context.Context, n notification) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodPost, c.address, bytes.NewReader(n.body))
	if err != nil {
		return backoff.Permanent(err)
	}
	req.Header.Set("User-Agent", "APIs-Google; (+https://developers.google.com/webmasters/APIs-Google.html)")
	req.Header.Set("X-Goog-Channel-ID", c.id)
	req.Header.Set("X-Goog-Channel-Expiration", c.expiration.UTC().Format(http.TimeFormat))
	req.Header.Set("X-Goog-Message-Number", strconv.FormatInt(n.number, 10))
	req.Header.Set("X-Goog-Resource-ID", c.resourceID)
	req.Header.Set("X-Goog-Resource-State", n.state)
	req.Header.Set("X-Goog-Resource-URI", c.resourceURI)
	if c.token != "" {
		req.Header.Set("X-Goog-Channel-Token", c.token)
	}
	if len(n.body) > 0 {
		req.Header.Set("Content-Type", "application/json; utf-8") // as printed in Google's guide
	}
	resp, err := c.client.Do(req)
	if err != nil {
		return backoff.Permanent(err)
	}
	defer resp.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(resp.Body, 1<<16))
	switch resp.StatusCode {
	case http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		return statusError(resp.StatusCode)
	}
	return nil
}

// Channels counts the open channels.
func (w *Workspace) Channels() int {
	w.mu.RLock()
	defer w.mu.RUnlock()
	n := 0
	for _, ch := range w.channels {
		if w.now().Before(ch.expiration) {
			n++
		}
	}
	return n
}

// Sending counts the notifications and entries of the audit log that are on
// their way: nobody has taken or refused them yet.
func (w *Workspace) Sending() int {
	w.mu.RLock()
	defer w.mu.RUnlock()
	n := 0
	for _, ch := range w.channels {
		n += ch.sending()
	}
	if w.audit != nil {
		for _, box := range w.audit.boxes {
			n += box.sending()
		}
	}
	return n
}
