package scim

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"golang.org/x/time/rate"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/spent"
)

// maxBody is the largest answer that is read: a page of 1,000 accounts of 8 KiB each.
const maxBody = 8 << 20

// request is one call.
type request struct {
	op     string
	method string
	path   string
	query  url.Values
	body   any
	// ifMatch is the version that must still be there; empty for any.
	ifMatch string
	// names is true when the body sets a userName, so that a 409 is about the name being taken.
	names bool
	// page is true for a page of a listing, which stands for many reads.
	page bool
}

// reply is what came back. Its zero value, with status 0, is no reply at all.
type reply struct {
	status int
	header http.Header
	// object is the body as a JSON object; nil when it is none.
	object map[string]any
	// empty is true when there was no body.
	empty bool
	// scimType and detail are those of a SCIM error (RFC 7644 section 3.12); scim tells that it was one.
	scim             bool
	scimType, detail string
}

// do sends one request. Every answer outside 2xx, and one that is neither
// empty nor a JSON object, comes back as a fault beside the reply.
func (c *Client) do(ctx context.Context, q request) (reply, error) {
	token, err := c.currentToken(ctx, q.op)
	if err != nil {
		return reply{}, err
	}
	req, err := c.newRequest(ctx, q, token)
	if err != nil {
		return reply{}, err
	}
	waited := spent.Wait(ctx, spent.Limiter)
	release, err := c.admit(ctx, q)
	waited()
	if err != nil {
		return reply{}, err
	}
	ctx, cancel := context.WithTimeout(ctx, c.timeout)
	defer cancel()
	sent := time.Now()
	resp, data, err := c.exchange(req.WithContext(ctx))
	release() // before the answer is read for what it says: others wait for the place
	if !q.page {
		c.takes(time.Since(sent))
	}
	if err != nil {
		return reply{}, c.noAnswer(ctx, q.op, err, token)
	}
	if len(data) > maxBody {
		return reply{}, fault.New(fault.Unavailable, q.op, "the answer is larger than %d MiB; a smaller page size may help", maxBody>>20)
	}
	r := readReply(resp, data)
	err = classify(q, r, token)
	if after := fault.RetryAfter(err); fault.Is(err, fault.Throttled) || fault.Is(err, fault.Unavailable) && after > 0 {
		c.limit.Refused(after) // all workers slow down, and not this one alone
	}
	return r, err
}

// exchange sends a request and reads what comes back, up to a byte more than is allowed.
func (c *Client) exchange(req *http.Request) (*http.Response, []byte, error) {
	defer spent.Wait(req.Context(), spent.App)()
	resp, err := c.http.Do(req)
	if err != nil {
		return nil, nil, err
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	return resp, data, err
}

// Present is the connection with the rate at which the app can be called now: what
// its refusals have left, or what its calls take, so many at a time.
func (c *Client) Present() provision.Connection {
	present, now := c.connection, c.limit.Rate()
	if took := time.Duration(c.took.Load()); took > 0 {
		now = min(now, rate.Limit(float64(cap(c.slots))/took.Seconds()))
	}
	if now != rate.Inf {
		present.RequestsPerSecond = float64(now)
	}
	return present
}

// tookShare is the share of the last call in what calls take on average.
const tookShare = 8

// takes counts how long a call took; of two at once one may be lost.
func (c *Client) takes(d time.Duration) {
	if before := c.took.Load(); before > 0 {
		d = time.Duration(before) + (d-time.Duration(before))/tookShare
	}
	c.took.Store(int64(d))
}

// currentToken never lets the store's own fault kind through: a missing
// secret is no missing account.
func (c *Client) currentToken(ctx context.Context, op string) (secrets.Value, error) {
	token, err := c.token(ctx)
	switch {
	case fault.Is(err, fault.NotFound), err == nil && token.Empty():
		return secrets.Value{}, fault.New(fault.Unauthorized, op, "no access token is stored")
	case err != nil:
		return secrets.Value{}, fault.Wrap(fault.Unavailable, op+": read access token", err)
	}
	for _, b := range []byte(token.Reveal()) {
		if b <= ' ' || b > '~' {
			return secrets.Value{}, fault.New(fault.Unauthorized, op, "the access token holds a space, a line break or another character that no token has")
		}
	}
	return token, nil
}

// admit waits until it is time for a call, and for a free slot: in this order,
// since a page of a listing goes ahead of others at the limiter only. What fails
// here was not sent.
func (c *Client) admit(ctx context.Context, q request) (release func(), err error) {
	wait := c.limit.Wait
	if q.page {
		wait = c.limit.Ahead
	}
	if err := wait(ctx); err != nil {
		return nil, &fault.Error{Kind: fault.KindOf(err), Op: q.op, Detail: "not sent", RetryAfter: fault.RetryAfter(err), Err: err}
	}
	select {
	case c.slots <- struct{}{}:
		return func() { <-c.slots }, nil
	case <-ctx.Done():
		return nil, &fault.Error{Kind: fault.Unavailable, Op: q.op, Detail: "not sent: too many calls at a time", Err: ctx.Err()}
	}
}

func (c *Client) newRequest(ctx context.Context, q request, token secrets.Value) (*http.Request, error) {
	address := c.base + q.path
	if len(q.query) > 0 {
		// Encode writes a space as + and a + as %2B. Some servers read a plus
		// as a plus, so a space is sent as %20.
		address += "?" + strings.ReplaceAll(q.query.Encode(), "+", "%20")
	}
	var body io.Reader
	if q.body != nil {
		data, err := json.Marshal(q.body)
		if err != nil {
			return nil, fault.New(fault.Internal, q.op, "the request cannot be written as JSON")
		}
		body = bytes.NewReader(data)
	}
	req, err := http.NewRequestWithContext(ctx, q.method, address, body)
	if err != nil {
		return nil, fault.New(fault.Invalid, q.op, "the base URL is not usable")
	}
	if q.body != nil {
		req.Header.Set("Content-Type", c.connection.MediaType)
	}
	if q.ifMatch != "" {
		req.Header.Set("If-Match", q.ifMatch)
	}
	req.Header.Set("Accept", MediaSCIM+", "+MediaJSON)
	req.Header.Set("User-Agent", "autoprovision")
	req.Header.Set("Authorization", "Bearer "+token.Reveal())
	return req, nil
}

// noAnswer describes an error of the transport. The error itself is dropped:
// it holds the address with its filter, and so a person's e-mail address.
func (c *Client) noAnswer(ctx context.Context, op string, err error, token secrets.Value) error {
	f := &fault.Error{Kind: fault.Unavailable, Op: op}
	var inner *url.Error
	if errors.As(err, &inner) {
		err = inner.Err
	}
	var timeout net.Error
	var refused *fault.Error
	switch {
	case errors.As(err, &refused): // by the transport itself
		f.Detail = "not sent: " + refused.Detail
	case errors.Is(ctx.Err(), context.Canceled):
		f.Detail, f.Err = "given up before the answer came; the app may have acted", context.Canceled
	case ctx.Err() != nil:
		f.Detail, f.Err = "no full answer in time; the app may have acted", context.DeadlineExceeded
	case errors.As(err, &timeout) && timeout.Timeout():
		f.Detail = "no full answer in time; the app may have acted"
	default:
		f.Detail = "no full answer; the app may have acted: " + cut(redact(err.Error(), token), 300)
	}
	return f
}

func readReply(resp *http.Response, data []byte) reply {
	r := reply{status: resp.StatusCode, header: resp.Header}
	data = bytes.TrimSpace(data)
	if len(data) == 0 {
		r.empty = true
		return r
	}
	if media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type")); media == "text/html" {
		return r
	}
	r.object = parseObject(data)
	if r.object == nil {
		return r
	}
	if schemas, ok := lookup(r.object, "schemas").([]any); ok {
		for _, s := range schemas {
			if text, _ := s.(string); strings.EqualFold(text, errorSchema) {
				r.scim = true
			}
		}
	}
	r.scimType, _ = lookup(r.object, "scimType").(string)
	r.detail, _ = lookup(r.object, "detail").(string)
	return r
}

// parseObject returns nil for anything but exactly one JSON object.
func parseObject(data []byte) map[string]any {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber() // a PUT sends numbers back as they came
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil
	}
	if _, err := d.Token(); !errors.Is(err, io.EOF) {
		return nil
	}
	return object
}

// userPath is the path of one account.
func userPath(op, id string) (string, error) {
	// "", "." and ".." would name the collection, or something above it.
	if strings.Trim(id, ".") == "" {
		return "", fault.New(fault.Internal, op, "an account id is missing")
	}
	return "/Users/" + url.PathEscape(id), nil
}

// filter is an equality filter. Its value is a JSON string (RFC 7644 section 3.4.2.2).
func filter(attribute, value string) string {
	var quoted bytes.Buffer
	e := json.NewEncoder(&quoted)
	e.SetEscapeHTML(false) // "&" may stand as it is; servers need not know \u0026
	if err := e.Encode(value); err != nil {
		panic("scim: a string does not marshal: " + err.Error())
	}
	return fmt.Sprintf("%s eq %s", attribute, bytes.TrimSpace(quoted.Bytes()))
}
