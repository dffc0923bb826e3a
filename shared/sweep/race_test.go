//go:build race

package sweep_test

// With the race detector, the embedded state is some fifteen times slower.
const (
	raced = true
	// people is how many a first sync is of.
	people = 100
)
