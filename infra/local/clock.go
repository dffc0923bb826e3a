package main

import (
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"example.com/autoprovision/shared/clock"
)

// businessTime is business time that outlives the program: where it has run
// ahead of the machine's, it goes on from there at the next start, since a
// deadline that was reached must not come again. It never goes back.
type businessTime struct {
	file  keptFile
	paced clock.Business
	// moved is how far advance has moved it beyond paced, in nanoseconds.
	moved atomic.Int64

	mu sync.Mutex // orders what is stored
	// ahead is true when business time is not the machine's.
	ahead bool
}

func openBusinessTime(folder string, speed float64) (*businessTime, error) {
	b := &businessTime{file: keptIn(folder, "business-time")}
	origin := clock.System()
	start := origin
	data, err := b.file.load()
	if err != nil {
		return nil, err
	}
	if data != nil {
		saved, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(data)))
		if err != nil {
			return nil, fmt.Errorf("the file %s does not hold a time: restore it, or remove it to go on from the machine's time", b.file.path)
		}
		if saved.After(start) {
			start = saved
		}
	}
	b.ahead = speed != 1 || start.After(origin)
	b.paced = clock.System
	if b.ahead {
		b.paced = clock.Accelerated(clock.System, origin, start, speed)
	}
	return b, nil
}

// now is a clock.Business.
func (b *businessTime) now() time.Time { return b.paced().Add(time.Duration(b.moved.Load())) }

// advance moves the time forward by d, which must be positive. It is stored
// first: what has been seen to be past stays so after a kill. Nothing needs to
// be woken, since the queue looks at the clock again several times a second.
func (b *businessTime) advance(d time.Duration) error {
	if d <= 0 {
		return fmt.Errorf("business time moves forward only")
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if err := b.store(b.now().Add(d)); err != nil {
		return err
	}
	b.ahead = true
	b.moved.Add(int64(d))
	return nil
}

// save stores the time reached; a kill before the next save turns it back by
// what passed between the two.
func (b *businessTime) save() error {
	b.mu.Lock()
	defer b.mu.Unlock()
	if !b.ahead {
		return nil
	}
	return b.store(b.now())
}

func (b *businessTime) store(t time.Time) error {
	return b.file.save([]byte(t.Format(time.RFC3339Nano) + "\n"))
}
