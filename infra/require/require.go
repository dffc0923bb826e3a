// Package require says what happens to a test whose tool is not on this
// machine: it is skipped aloud, unless everything is required, as before a
// release. It promises that a required test never passes by being skipped; it
// installs nothing.
package require

import (
	"os"
	"testing"
)

// Variable is the environment variable that makes every tool required when it is "all".
const Variable = "AUTOPROVISION_REQUIRE"

// Tool skips the test when ok is false, or fails it when everything is
// required. what completes the sentence "needs …".
func Tool(t testing.TB, ok bool, what string) {
	t.Helper()
	switch {
	case ok:
	case os.Getenv(Variable) == "all":
		t.Fatalf("needs %s, and %s=all allows no skipping", what, Variable)
	default:
		t.Skipf("needs %s", what)
	}
}
