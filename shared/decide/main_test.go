package decide_test

import (
	"flag"
	"fmt"
	"os"
	"testing"

	"example.com/autoprovision/infra/require"
)

// TestMain draws more lives before a release than while somebody works: what was
// wrong about edits, archiving and late suspends together showed once in 100,000.
func TestMain(m *testing.M) {
	flag.Parse()
	if checks := flag.Lookup("rapid.checks"); os.Getenv(require.Variable) == "all" && !testing.Short() && checks.Value.String() == checks.DefValue {
		if err := checks.Value.Set("20000"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}
