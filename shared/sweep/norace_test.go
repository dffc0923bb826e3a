//go:build !race

package sweep_test

const (
	// crashEvery is which calls a process crashes at, people how many a first sync is of.
	crashEvery = 1
	people     = 1000
)
