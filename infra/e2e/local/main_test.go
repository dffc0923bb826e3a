// Package local tests the local program as a black box: the built binary, its
// flags, its output and its HTTP API, as an administrator or another program
// meets them.
package local

import (
	"os"
	"testing"

	"example.com/autoprovision/infra/e2e/program"
)

var binary program.Binary

func TestMain(m *testing.M) { os.Exit(binary.Main(m)) }

type object = program.Object
