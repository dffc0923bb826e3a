package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"example.com/autoprovision/shared/clock"
)

// businessTime is business time that outlives the program: where it has run
// ahead of the machine's, it goes on from there at the next start, since a
// deadline that was reached must not come again.
type businessTime struct {
	path string
	now  clock.Business
	// ahead is true when business time is not the machine's.
	ahead bool
}

func openBusinessTime(folder string, speed float64) (*businessTime, error) {
	b := &businessTime{path: filepath.Join(folder, "business-time")}
	origin := clock.System()
	start := origin
	data, err := os.ReadFile(b.path)
	switch {
	case os.IsNotExist(err):
	case err != nil:
		return nil, fmt.Errorf("reading the business time: %w", err)
	default:
		saved, err := time.Parse(time.RFC3339Nano, strings.TrimSpace(string(data)))
		if err != nil {
			return nil, fmt.Errorf("the file %s does not hold a time: restore it, or remove it to go on from the machine's time", b.path)
		}
		if saved.After(start) {
			start = saved
		}
	}
	b.ahead = speed != 1 || start.After(origin)
	b.now = clock.System
	if b.ahead {
		b.now = clock.Accelerated(clock.System, origin, start, speed)
	}
	return b, nil
}

// save stores the time reached, a moment ahead so that a kill before the next
// save cannot turn it back far.
func (b *businessTime) save() error {
	if !b.ahead {
		return nil
	}
	temporary := b.path + ".new"
	if err := os.WriteFile(temporary, []byte(b.now().Format(time.RFC3339Nano)+"\n"), 0o600); err != nil {
		return err
	}
	return os.Rename(temporary, b.path)
}
