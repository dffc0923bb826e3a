package workspace

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/cenkalti/backoff/v5"

	"example.com/autoprovision/shared/fault"
)

const (
	// maxBody is far above a page of 500 users, whose attributes Google limits to some 10 KB each.
	maxBody = 32 << 20
	// maxRedirects within the same host.
	maxRedirects = 3
)

var errTooLarge = errors.New("answer too large")

// answer is what came back, before the generated client decoded it.
type answer struct {
	status int
	header http.Header
	body   json.RawMessage
}

type answerKey struct{}

// recorder stands between the generated client and the network. It bounds the
// answer's size, hands status and raw body to the call through its context,
// and leaves an empty object to the generated client, whose types would fail
// a whole page for one odd key that nobody reads.
type recorder struct{ next http.RoundTripper }

// RoundTrip implements http.RoundTripper.
func (r recorder) RoundTrip(req *http.Request) (*http.Response, error) {
	got, ok := req.Context().Value(answerKey{}).(*answer)
	if !ok {
		return nil, errors.New("workspace: request outside of a call")
	}
	*got = answer{}
	resp, err := r.next.RoundTrip(req)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxBody+1))
	if err != nil {
		return nil, err
	}
	if len(body) > maxBody {
		return nil, errTooLarge
	}
	*got = answer{status: resp.StatusCode, header: resp.Header, body: body}
	resp.Body = io.NopCloser(strings.NewReader("{}"))
	return resp, nil
}

// guarded returns a copy of hc that records answers and never leaves its host.
func guarded(hc *http.Client) *http.Client {
	out := *hc
	next := hc.Transport
	if next == nil {
		next = http.DefaultTransport
	}
	out.Transport = recorder{next: next}
	out.CheckRedirect = func(req *http.Request, via []*http.Request) error {
		first := via[0].URL
		if req.URL.Scheme != first.Scheme || req.URL.Host != first.Host || len(via) > maxRedirects {
			// The transport adds the access token to whatever it is sent to.
			return http.ErrUseLastResponse
		}
		return nil
	}
	return &out
}

// unanswered classifies an error of a request without an answer. A *url.Error
// is taken apart because its text holds the URL, which may hold an address.
func unanswered(op string, err error) error {
	if known, ok := errors.AsType[*fault.Error](err); ok {
		return known // from the token source
	}
	if outer, ok := errors.AsType[*url.Error](err); ok {
		err = outer.Err
	}
	switch {
	case err == nil:
		return fault.New(fault.Internal, op, "the request was not sent")
	case errors.Is(err, errTooLarge):
		// Asking again would only cost the same again.
		return backoff.Permanent(fault.New(fault.Unavailable, op, "the answer is larger than %d MiB", maxBody>>20))
	case errors.Is(err, context.DeadlineExceeded):
		return &fault.Error{Kind: fault.Unavailable, Op: op, Detail: "no answer in time", Err: err}
	}
	return fault.Wrap(fault.Unavailable, op, err)
}

// errorBody is the error form of Google's JSON APIs.
type errorBody struct {
	Error *struct {
		Errors []struct {
			Reason string `json:"reason"`
		} `json:"errors"`
	} `json:"error"`
}

// verdict is what an answer says by its status; nil for a success. When it says
// that the directory is asked too often, everybody asks less often.
func (c *Client) verdict(op string, got answer) error {
	err := c.classify(op, got)
	after := fault.RetryAfter(err)
	if fault.Is(err, fault.Throttled) || fault.Is(err, fault.Unavailable) && after > 0 {
		c.limiter.Refused(after)
	}
	return err
}

// classify gives an answer its kind. The messages in error bodies are left out
// because they may quote an address.
func (c *Client) classify(op string, got answer) error {
	refused := func(kind fault.Kind, why string) error {
		return &fault.Error{Kind: kind, Op: op, RetryAfter: c.retryAfter(got.header),
			Detail: "the directory answered " + strconv.Itoa(got.status) + why}
	}
	switch s := got.status; {
	case s >= 200 && s < 300:
		return nil
	case s >= 300 && s < 400:
		// A wrong base URL or a page to log in: asking again soon is of no use.
		return backoff.Permanent(refused(fault.Unavailable, ", a redirect that is not followed"))
	case s == http.StatusUnauthorized:
		return refused(fault.Unauthorized, ", the credentials are refused")
	case s == http.StatusTooManyRequests:
		return refused(fault.Throttled, "")
	case s >= 500 || s == http.StatusRequestTimeout:
		return refused(fault.Unavailable, "")
	}
	reasons, ok := reasons(got.body)
	if !ok {
		// A proxy or a wrong base URL; the directory itself says what is wrong in JSON.
		return refused(fault.Unavailable, " in a form that is not the Directory API's")
	}
	why := ""
	if len(reasons) > 0 {
		why = " (" + strings.Join(reasons, ", ") + ")"
	}
	switch got.status {
	case http.StatusForbidden:
		if slices.ContainsFunc(reasons, isQuota) {
			return refused(fault.Throttled, why)
		}
		return refused(fault.Forbidden, why)
	case http.StatusNotFound:
		return refused(fault.NotFound, why)
	case http.StatusConflict, http.StatusPreconditionFailed:
		return refused(fault.Conflict, why)
	}
	return refused(fault.Invalid, why)
}

// isQuota tells throttling apart from a missing right: both are 403
// (https://developers.google.com/workspace/admin/directory/v1/limits). The
// error's domain does not: an API that is not enabled has usageLimits too.
func isQuota(reason string) bool {
	switch reason {
	case "userRateLimitExceeded", "rateLimitExceeded", "quotaExceeded", "dailyLimitExceeded":
		return true
	}
	return false
}

// reasons returns the reasons of an error body, those that are plain words;
// ok is false for a body that is not in the API's form.
func reasons(body []byte) (_ []string, ok bool) {
	var parsed errorBody
	if json.Unmarshal(body, &parsed) != nil || parsed.Error == nil {
		return nil, false
	}
	var words []string
	for _, item := range parsed.Error.Errors {
		if isWord(item.Reason) {
			words = append(words, item.Reason)
		}
	}
	return words, true
}

func isWord(s string) bool {
	return s != "" && len(s) <= 60 && !strings.ContainsFunc(s, func(r rune) bool {
		return (r < 'a' || r > 'z') && (r < 'A' || r > 'Z')
	})
}

func isObject(body []byte) bool {
	return bytes.HasPrefix(bytes.TrimLeft(body, " \t\r\n"), []byte("{")) && json.Valid(body)
}

// retryAfter reads Retry-After, in seconds or as a date (RFC 9110 section
// 10.2.3); Google does not document that it sends one.
func (c *Client) retryAfter(header http.Header) time.Duration {
	text := header.Get("Retry-After")
	if seconds, err := strconv.Atoi(text); err == nil && seconds > 0 {
		return time.Duration(seconds) * time.Second
	}
	if at, err := http.ParseTime(text); err == nil {
		return max(at.Sub(c.now()), 0)
	}
	return 0
}
