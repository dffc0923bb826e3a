package require

import (
	"fmt"
	"testing"
)

// recorder notes how a test would end.
type recorder struct {
	testing.TB
	ended string
}

func (r *recorder) Helper()                      {}
func (r *recorder) Skipf(f string, args ...any)  { r.ended = "skipped: " + fmt.Sprintf(f, args...) }
func (r *recorder) Fatalf(f string, args ...any) { r.ended = "failed: " + fmt.Sprintf(f, args...) }

func TestTool(t *testing.T) {
	tests := []struct {
		ok           bool
		environ, end string
	}{
		{true, "all", ""},
		{true, "", ""},
		{false, "", "skipped: needs a spoon"},
		{false, "all", "failed: needs a spoon, and AUTOPROVISION_REQUIRE=all allows no skipping"},
	}
	for _, test := range tests {
		t.Setenv(Variable, test.environ)
		r := &recorder{TB: t}
		Tool(r, test.ok, "a spoon")
		if r.ended != test.end {
			t.Errorf("ok %v with %q: %q, want %q", test.ok, test.environ, r.ended, test.end)
		}
	}
}
