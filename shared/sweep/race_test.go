//go:build race

package sweep_test

// With the race detector, the embedded state is some fifteen times slower.
const (
	// crashEvery is which calls a process crashes at, people how many a first sync is of.
	crashEvery = 12
	people     = 100
)
