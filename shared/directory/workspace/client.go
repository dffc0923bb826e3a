package workspace

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
	"golang.org/x/time/rate"
	admin "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/option"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/recent"
	"example.com/autoprovision/shared/spent"
	"example.com/autoprovision/shared/throttle"
)

const (
	googleURL = "https://admin.googleapis.com/"
	// customer stands for the customer that the credentials belong to.
	customer = "my_customer"
	// callTimeout bounds one request with its whole answer.
	callTimeout = 30 * time.Second
	// Google advises waits of 1 to 16 s and about five tries, then handing the error back
	// (https://developers.google.com/workspace/admin/directory/v1/limits); retryFor
	// keeps the whole of it shorter than a queue's delivery takes.
	maxTries  = 5
	firstWait = time.Second
	longest   = 16 * time.Second
	retryFor  = 30 * time.Second
	// perMinute is Google's quota for one administrator in one project (same page).
	perMinute = 2400
)

var (
	_ directory.Users        = (*Client)(nil)
	_ directory.Organization = (*Client)(nil)
	_ directory.Picker       = (*Client)(nil)
	_ directory.Watcher      = (*Client)(nil)
)

// Options are what a Client can do without.
type Options struct {
	// BaseURL is what admin/directory/v1/… is relative to; empty for Google's.
	BaseURL string
	// Limiter spaces the requests; nil for Google's quota of 2,400 a minute.
	// Processes that share one administrator share that quota: each slows down
	// when it is refused, and so they come to share it.
	Limiter *throttle.Limiter
	// Now is real time; nil for the machine's.
	Now clock.Real
}

// Client reads one customer's directory. It is safe for concurrent use.
type Client struct {
	api     *admin.Service
	limiter *throttle.Limiter
	now     clock.Real

	mu sync.Mutex
	// contents is, by group id, what a listing says (see HasMember).
	contents map[string]*recent.Reading[contents]
}

// PerMinute is a limiter for never more than n calls in any minute, a sixtieth
// of them at once.
func PerMinute(n int) *throttle.Limiter {
	burst := max(1, n/60)
	return throttle.New(rate.Limit(max(1, n-burst))/60, burst)
}

// New returns a client that sends its requests through hc, which adds the
// credentials (see KeyClient and ImpersonatedClient). It makes no request.
func New(ctx context.Context, hc *http.Client, opts *Options) (*Client, error) {
	if opts == nil {
		opts = &Options{}
	}
	base, err := baseURL(opts.BaseURL)
	if err != nil {
		return nil, err
	}
	api, err := admin.NewService(ctx, option.WithHTTPClient(guarded(hc)), option.WithEndpoint(base),
		// An environment variable would make the library log requests, channel token and addresses included (R15).
		option.WithLogger(slog.New(slog.DiscardHandler)))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "workspace: new client", err)
	}
	c := &Client{api: api, limiter: opts.Limiter, now: opts.Now, contents: map[string]*recent.Reading[contents]{}}
	if c.limiter == nil {
		c.limiter = PerMinute(perMinute)
	}
	if c.now == nil {
		c.now = clock.System
	}
	return c, nil
}

func baseURL(text string) (string, error) {
	if text == "" {
		return googleURL, nil
	}
	u, err := url.Parse(text)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" ||
		u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return "", fault.Field("directoryUrl", "must be an http or https URL without user, query and fragment")
	}
	return strings.TrimSuffix(u.String(), "/") + "/", nil
}

// request is one call of the generated client. What it decodes is not looked
// at: the raw answer is, since the generated types can't tell false from absent.
type request func(ctx context.Context) error

// waiting waits until it is time for a call.
type waiting func(ctx context.Context) error

// read sends a request that changes nothing until it is answered with a JSON
// object, refused for good, or tried often enough.
func (c *Client) read(ctx context.Context, op string, send request) (json.RawMessage, error) {
	return c.readAs(ctx, op, c.limiter.Wait, send)
}

// readPage is read for a page of a listing, which stands for many reads.
func (c *Client) readPage(ctx context.Context, op string, send request) (json.RawMessage, error) {
	return c.readAs(ctx, op, c.limiter.Ahead, send)
}

func (c *Client) readAs(ctx context.Context, op string, wait waiting, send request) (json.RawMessage, error) {
	return c.retry(ctx, op, func() (json.RawMessage, error) {
		got, err := c.send(ctx, op, wait, send)
		if err == nil {
			err = c.verdict(op, got)
		}
		if err == nil && !isObject(got.body) {
			err = fault.New(fault.Unavailable, op, "the directory answered without a JSON object")
		}
		return got.body, err
	}, fault.Throttled, fault.Unavailable)
}

// retry repeats attempt for as long as it ends with an error of one of the kinds.
func (c *Client) retry(ctx context.Context, op string, attempt func() (json.RawMessage, error), kinds ...fault.Kind) (json.RawMessage, error) {
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.MaxInterval, waits.Multiplier = firstWait, longest, 2
	body, err := backoff.Retry(ctx, func() (json.RawMessage, error) {
		body, err := attempt()
		if err != nil && !fault.Is(err, kinds...) {
			return nil, backoff.Permanent(err)
		}
		if wait := fault.RetryAfter(err); wait > 0 {
			err = errors.Join(err, &backoff.RetryAfterError{Duration: wait})
		}
		return body, err
	}, backoff.WithBackOff(waits), backoff.WithMaxTries(maxTries), backoff.WithMaxElapsedTime(retryFor))
	if err == nil {
		return body, nil
	}
	// What backoff adds says how to retry and is of no use to callers.
	if known, ok := errors.AsType[*fault.Error](err); ok {
		return nil, known
	}
	return nil, fault.Wrap(fault.Unavailable, op, err)
}

// send sends a request once, within the rate limit and callTimeout.
func (c *Client) send(ctx context.Context, op string, wait waiting, send request) (answer, error) {
	waited := spent.Wait(ctx, spent.Limiter)
	err := wait(ctx)
	waited()
	if err != nil {
		return answer{}, &fault.Error{Kind: fault.KindOf(err), Op: op, RetryAfter: fault.RetryAfter(err), Err: err}
	}
	var got answer
	ctx, cancel := context.WithTimeout(context.WithValue(ctx, answerKey{}, &got), callTimeout)
	defer cancel()
	defer spent.Wait(ctx, spent.Directory)()
	if err := send(ctx); got.status == 0 {
		return answer{}, unanswered(op, err)
	}
	return got, nil
}

// decode reads what decides something out of an answer.
func decode(op string, body json.RawMessage, into any) error {
	if err := json.Unmarshal(body, into); err != nil {
		return incomplete(op, "the answer has a key of another type than the API documents")
	}
	return nil
}

func incomplete(op, format string, args ...any) error {
	return fault.New(fault.Incomplete, op, "%s", fmt.Sprintf(format, args...))
}
