package simtasks

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"sync"
	"time"
)

// A delivery that failed is tried again after firstRetry, and after twice as
// long each time, up to lastRetry, unless its receiver says otherwise; the real
// one's are what its queue is set to.
const (
	firstRetry = 10 * time.Millisecond
	lastRetry  = 640 * time.Millisecond
)

// dispatch delivers what is due until it is stopped, and waits for its deliveries.
func (s *Service) dispatch(ctx context.Context) {
	var deliveries sync.WaitGroup
	defer deliveries.Wait()
	for ctx.Err() == nil {
		timer := time.NewTimer(s.start(&deliveries))
		select {
		case <-s.changed:
		case <-timer.C:
		case <-ctx.Done():
		}
		timer.Stop()
	}
}

// slowedFor is for how long a queue is at least kept back after its receiver has
// asked for less. The real one gives no figure (google.cloud.tasks.v2.HttpRequest).
const slowedFor = 100 * time.Millisecond

// start starts the deliveries that are due, and returns when there may be more.
func (s *Service) start(deliveries *sync.WaitGroup) (wait time.Duration) {
	s.mu.Lock()
	defer s.mu.Unlock()
	wait = time.Hour
	now := s.options.Now()
	for _, t := range s.waiting {
		if t.running {
			continue
		}
		q := s.queues[t.queue]
		if d := max(t.eta.Sub(now), time.Until(t.retryAt), time.Until(q.until)); d > 0 {
			wait = min(wait, d)
			continue
		}
		if q.running < q.concurrency && !s.held {
			if r := q.rate.Reserve(); r.Delay() > 0 {
				wait = min(wait, r.Delay())
				r.Cancel()
				continue
			}
			t.running = true
			q.running++
			s.delivered++
			under := s.deliveries
			deliveries.Go(func() { s.deliver(under, t) })
		}
	}
	return wait
}

func (s *Service) deliver(ctx context.Context, t *storedTask) {
	answer, retryAfter := s.send(ctx, t)
	s.mu.Lock()
	defer s.mu.Unlock()
	defer s.Wake()
	s.queues[t.queue].running--
	t.running = false
	if answer/100 == 2 {
		if t.again {
			t.again = false
			return
		}
		delete(s.waiting, t.GetName())
		return
	}
	t.tries++
	t.status = answer
	if answer != 0 && answer/100 != 5 {
		t.executions++
	}
	t.retryAt = time.Now().Add(max(retryAfter, min(firstRetry<<min(t.tries-1, 6), lastRetry)))
	if answer == http.StatusTooManyRequests || answer == http.StatusServiceUnavailable {
		s.queues[t.queue].until = time.Now().Add(max(retryAfter, slowedFor))
	}
}

// send delivers a task once; answer is 0 when there was none.
func (s *Service) send(ctx context.Context, t *storedTask) (answer int, retryAfter time.Duration) {
	target := t.GetHttpRequest()
	longest := t.GetDispatchDeadline().AsDuration()
	if s.options.Longest > 0 {
		longest = min(longest, s.options.Longest)
	}
	ctx, cancel := context.WithTimeout(ctx, longest)
	defer cancel()
	r, err := http.NewRequestWithContext(ctx, target.GetHttpMethod().String(), target.GetUrl(), bytes.NewReader(target.GetBody()))
	if err != nil {
		return 0, 0
	}
	for name, value := range target.GetHeaders() {
		r.Header.Set(name, value)
	}
	r.Header.Set("User-Agent", "Google-Cloud-Tasks")
	r.Header.Set("X-CloudTasks-QueueName", last(t.queue))
	r.Header.Set("X-CloudTasks-TaskName", last(t.GetName()))
	r.Header.Set("X-CloudTasks-TaskRetryCount", strconv.Itoa(t.tries))
	r.Header.Set("X-CloudTasks-TaskExecutionCount", strconv.Itoa(t.executions))
	r.Header.Set("X-CloudTasks-TaskETA", fmt.Sprintf("%d.%06d", t.eta.Unix(), t.eta.Nanosecond()/1e3))
	if t.tries > 0 && t.status != 0 {
		r.Header.Set("X-CloudTasks-TaskPreviousResponse", strconv.Itoa(t.status))
	}
	if oidc := target.GetOidcToken(); oidc != nil {
		r.Header.Set("Authorization", "Bearer "+s.options.Sign(oidc.GetServiceAccountEmail(), oidc.GetAudience()))
	}
	response, err := s.client.Do(r)
	if err != nil {
		return 0, 0
	}
	_, _ = io.Copy(io.Discard, response.Body) // the status is the answer
	_ = response.Body.Close()
	seconds, _ := strconv.Atoi(response.Header.Get("Retry-After")) // none is zero
	return response.StatusCode, time.Duration(seconds) * time.Second
}
