package sqlitequeue

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"strconv"
	"time"
)

const (
	// The wait after a failed delivery grows from minBackoff to maxBackoff, in
	// real time, each with up to a quarter more so that tasks that failed
	// together do not come back together.
	minBackoff = 100 * time.Millisecond
	maxBackoff = time.Minute
	// maxRetryAfter bounds what an endpoint may ask for.
	maxRetryAfter = time.Hour
	// maxAnswer is how much of an answer is read, so that its connection can be used again.
	maxAnswer = 64 << 10
)

// result is how a delivery ended.
type result struct {
	lane *lane
	task task
	// status is the answer's, 0 for none.
	status int
	// retryAfter is what the answer asked for; negative when it did not.
	retryAfter time.Duration
}

func (r result) done() bool { return r.status/100 == 2 }

// newClient sends nothing through a proxy and follows no redirect, so that the
// token goes to the endpoint and nowhere else.
func newClient(transport http.RoundTripper, concurrency int) *http.Client {
	if transport == nil {
		transport = &http.Transport{MaxIdleConns: concurrency, MaxIdleConnsPerHost: concurrency, IdleConnTimeout: time.Minute}
	}
	return &http.Client{Transport: transport, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
}

// deliver sends one task and hands over how it ended.
func (l *lane) deliver(t task) {
	q := l.q
	r, err := l.send(t)
	if err != nil && q.deliveries.Err() != nil {
		return // cut off by us, which is no failure; the next process delivers it
	}
	if !r.done() {
		q.log.Debug("task delivery failed", "queue", l.name, "task", t.name, "status", r.status, "tries", t.tries+1, "error", err)
	}
	q.results <- r
}

func (l *lane) send(t task) (result, error) {
	r := result{lane: l, task: t, retryAfter: -1}
	ctx, cancel := context.WithTimeout(l.q.deliveries, l.endpoint.Timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, l.endpoint.URL, bytes.NewReader(t.body))
	if err != nil {
		return r, err
	}
	l.setHeaders(request.Header, t)
	response, err := l.q.client.Do(request)
	if err != nil {
		return r, err
	}
	defer response.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(response.Body, maxAnswer)) // the status is the answer
	r.status = response.StatusCode
	if r.status == http.StatusTooManyRequests || r.status == http.StatusServiceUnavailable {
		if seconds, err := strconv.ParseUint(response.Header.Get("Retry-After"), 10, 31); err == nil {
			r.retryAfter = time.Duration(seconds) * time.Second
		}
	}
	return r, nil
}

// setHeaders sets what Cloud Tasks sends
// (https://cloud.google.com/tasks/docs/creating-http-target-tasks#handler).
func (l *lane) setHeaders(h http.Header, t task) {
	h.Set("Content-Type", "application/json")
	h.Set("User-Agent", "Google-Cloud-Tasks")
	if !l.q.config.Token.Empty() {
		h.Set("Authorization", "Bearer "+l.q.config.Token.Reveal())
	}
	h.Set("X-CloudTasks-QueueName", l.name)
	h.Set("X-CloudTasks-TaskName", t.name)
	h.Set("X-CloudTasks-TaskRetryCount", strconv.Itoa(t.tries))
	h.Set("X-CloudTasks-TaskExecutionCount", strconv.Itoa(t.answers))
	h.Set("X-CloudTasks-TaskETA", fmt.Sprintf("%d.%06d", t.at/1e9, t.at%1e9/1e3))
	if t.status != 0 {
		h.Set("X-CloudTasks-TaskPreviousResponse", strconv.Itoa(t.status))
	}
}

// wait is how long to wait after a delivery that failed.
func (r result) wait() time.Duration {
	if r.retryAfter >= 0 {
		return min(max(r.retryAfter, minBackoff), maxRetryAfter)
	}
	backoff := maxBackoff
	if doublings := r.task.tries; doublings < 10 { // 100 ms doubled ten times is over a minute
		backoff = min(minBackoff<<doublings, maxBackoff)
	}
	return backoff + rand.N(backoff/4) // #nosec G404 -- spreads waits, and guards nothing
}
