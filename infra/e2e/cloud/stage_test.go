// Package cloud runs the deployed functions as a whole: each staged and built as
// a deployment does it, as a process of its own, against Google's emulators of
// Firestore and Pub/Sub, servers of the interfaces of Cloud Tasks and Secret
// Manager, and the simulated Workspace and Comeet.
//
// What differs from a deployment is one more file in the staged copy, which
// registers the same function with the test's keys and addresses under another
// name. The deployed name is run too, to see that it takes no token of the test's.
package cloud

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// packages are the functions' packages by their target.
var packages = map[string]string{
	"directory-push": "directorypush", "audit-event": "auditevent", "reconcile": "reconcile",
	"sweep": "sweep", "renew-channels": "renewchannels", "console": "console",
}

// generated is what the buildpack writes for a root package that imports the
// framework: a program that imports the root, whose functions have registered
// themselves by then, and serves the one that FUNCTION_TARGET names. This one
// listens on this machine only.
const generated = `package main

import (
	"log"
	"os"

	_ "example.com/autoprovision"
	"github.com/GoogleCloudPlatform/functions-framework-go/funcframework"
)

func main() {
	if err := funcframework.StartHostPort("127.0.0.1", os.Getenv("PORT")); err != nil {
		log.Fatal(err)
	}
}
`

// build stages and builds every function as the buildpack does, which tidies the
// module before it builds, and returns the programs by target. One follows the
// other through the same folder: only so does Go's cache know what they share.
func build(ctx context.Context, folder string) (map[string]string, error) {
	programs := map[string]string{}
	for target, pkg := range packages {
		source := filepath.Join(folder, "source")
		programs[target] = filepath.Join(folder, pkg+".bin")
		if err := buildOne(ctx, pkg, source, programs[target]); err != nil {
			return nil, err
		}
		if err := os.RemoveAll(source); err != nil {
			return nil, err
		}
	}
	return programs, nil
}

func buildOne(ctx context.Context, pkg, folder, program string) error {
	if out, err := exec.CommandContext(ctx, "../../../deploy.sh", "stage", pkg, folder).CombinedOutput(); err != nil {
		return fmt.Errorf("deploy.sh stage %s: %w\n%s", pkg, err, out)
	}
	outside, err := os.ReadFile("testdata/outside.go.txt")
	if err != nil {
		return err
	}
	for path, text := range map[string]string{
		"outside.go": strings.ReplaceAll(string(outside), "PACKAGE", pkg), "functions.local/app/main.go": generated,
	} {
		path = filepath.Join(folder, path)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			return err
		}
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			return err
		}
	}
	// Without what a debugger needs a program is linked in half the time.
	for _, arguments := range [][]string{{"mod", "tidy"}, {"build", "-ldflags=-s -w", "-o", program, "./functions.local/app"}} {
		cmd := exec.CommandContext(ctx, "go", arguments...)
		cmd.Dir = folder
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("building %s: go %v: %w\n%s", pkg, arguments, err, out)
		}
	}
	return nil
}
