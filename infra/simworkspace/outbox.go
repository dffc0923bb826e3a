package simworkspace

import (
	"context"
	"strconv"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// How long Google repeats a message is not documented.
	sendTries     = 6
	sendFirstWait = time.Second
)

// delivery is one message on its way.
type delivery struct {
	notYet time.Time // by the machine, whatever time it is in the simulation
	// send returns a statusError when it is to be sent again.
	send func(ctx context.Context) error
}

// outbox sends messages in order, in its own goroutine, each until the receiver
// takes or refuses it.
type outbox struct {
	cancel context.CancelFunc
	ended  chan struct{}

	mu      sync.Mutex
	waiting []delivery
	left    int           // that wait or are being sent
	wake    chan struct{} // holds one token while something waits
}

func newOutbox() *outbox {
	ctx, cancel := context.WithCancel(context.Background())
	o := &outbox{cancel: cancel, ended: make(chan struct{}), wake: make(chan struct{}, 1)}
	go o.run(ctx)
	return o
}

// stop ends it without sending what waits; ended is closed when it has.
func (o *outbox) stop() { o.cancel() }

func (o *outbox) add(d delivery) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.waiting = append(o.waiting, d)
	o.left++
	select {
	case o.wake <- struct{}{}:
	default:
	}
}

func (o *outbox) sending() int {
	o.mu.Lock()
	defer o.mu.Unlock()
	return o.left
}

func (o *outbox) run(ctx context.Context) {
	defer close(o.ended)
	for {
		select {
		case <-ctx.Done():
			return
		case <-o.wake:
		}
		o.mu.Lock()
		batch := o.waiting
		o.waiting = nil
		o.mu.Unlock()
		for _, d := range batch {
			d.deliver(ctx)
			o.mu.Lock()
			o.left--
			o.mu.Unlock()
		}
	}
}

func (d delivery) deliver(ctx context.Context) {
	if wait := time.Until(d.notYet); wait > 0 {
		timer := time.NewTimer(wait)
		defer timer.Stop()
		select {
		case <-ctx.Done():
			return
		case <-timer.C:
		}
	}
	waits := backoff.NewExponentialBackOff()
	waits.InitialInterval, waits.Multiplier = sendFirstWait, 2
	// Whether it arrived is the receiver's business; a lost one is what a sweep is for.
	_, _ = backoff.Retry(ctx, func() (struct{}, error) {
		return struct{}{}, d.send(ctx)
	}, backoff.WithBackOff(waits), backoff.WithMaxTries(sendTries))
}

type statusError int

func (e statusError) Error() string { return "receiver answered " + strconv.Itoa(int(e)) }
