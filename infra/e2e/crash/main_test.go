// Package crash tests that nothing is lost, done twice or done wrongly when the
// local program is killed, stopped, or has a disk that is full, read-only or
// damaged under it.
package crash

import (
	"os"
	"testing"

	"example.com/autoprovision/infra/e2e/program"
)

var binary program.Binary

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

type object = program.Object
