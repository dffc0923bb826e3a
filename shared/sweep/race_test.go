//go:build race

package sweep_test

// crashEvery is which calls a process crashes at: with the race detector, the
// embedded state is some fifteen times slower.
const crashEvery = 8
