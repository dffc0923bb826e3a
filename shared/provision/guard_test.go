package provision

import "testing"

// TestR12Allows: a removal is held where it passes both the share and the number.
func TestR12Allows(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		guard   Guard
		n, base int
		want    bool
	}{
		{DefaultGuard, 5, 5, true}, // a small company may lose five
		{DefaultGuard, 6, 6, false},
		{DefaultGuard, 6, 59, false},
		{DefaultGuard, 6, 60, true},
		{DefaultGuard, 10, 100, true},
		{DefaultGuard, 11, 100, false},
		{Guard{MaxShare: 1}, 7, 7, true},
		{Guard{MinUsers: 1}, 1, 1000, true},
		{Guard{MinUsers: 1}, 2, 1000, false},
		{Guard{}, 1, 1000, false},
		{Guard{}, 0, 0, true},
	} {
		if got := test.guard.Allows(test.n, test.base); got != test.want {
			t.Errorf("%+v: %d of %d: %t", test.guard, test.n, test.base, got)
		}
	}
}
