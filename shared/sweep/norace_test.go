//go:build !race

package sweep_test

const (
	raced = false
	// people is how many a first sync is of.
	people = 1000
)
