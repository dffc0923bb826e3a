//go:build !race

package sweep_test

// crashEvery is which calls a process crashes at.
const crashEvery = 1
