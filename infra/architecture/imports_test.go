// Package architecture holds the tests of the repository's shape: which package
// may import which, and that the README names them all.
package architecture

import (
	"encoding/json"
	"errors"
	"io"
	"os"
	"os/exec"
	"regexp"
	"slices"
	"strings"
	"testing"
)

const module = "example.com/autoprovision/"

// layers is the picture of the architecture, bottom-up: a package may import
// the packages that its row names, and the standard library.
var layers = []struct {
	pkg  string
	may  []string // of this module
	libs []string // prefixes of other modules
}{
	// The pure core: the standard library only.
	{"shared/fault", nil, nil},
	{"shared/clock", nil, nil},
	{"shared/provision", nil, nil},
	{"shared/scope", []string{"shared/provision"}, nil},
	{"shared/decide", []string{"shared/provision", "shared/scope"}, nil},
	// The ports.
	{"shared/directory", []string{"shared/provision"}, nil},
	{"shared/app", []string{"shared/provision"}, nil},
	{"shared/state", []string{"shared/fault", "shared/provision"}, nil},
	{"shared/tasks", []string{"shared/fault"}, nil},
	{"shared/secrets", nil, nil},
	// What adapters that call others share.
	{"shared/throttle", []string{"shared/fault"}, []string{"golang.org/x/time"}},
	{"shared/spent", nil, nil},
	{"shared/recent", []string{"shared/clock"}, []string{"golang.org/x/sync"}},
	{"shared/fault/rpcfault", []string{"shared/fault"}, []string{"google.golang.org/grpc"}},
	// Adapters: each its port, its library and nothing of another adapter.
	{"shared/directory/workspace", []string{"shared/directory", "shared/provision", "shared/fault", "shared/clock", "shared/recent", "shared/spent", "shared/throttle"},
		[]string{"google.golang.org/api", "golang.org/x/oauth2", "golang.org/x/time", "github.com/cenkalti/backoff"}},
	{"shared/scim", []string{"shared/app", "shared/clock", "shared/provision", "shared/fault", "shared/secrets", "shared/spent", "shared/throttle"},
		[]string{"golang.org/x/text", "golang.org/x/time", "github.com/google/uuid"}},
	{"shared/comeet", []string{"shared/app", "shared/provision", "shared/fault", "shared/scim"}, nil},
	{"shared/mapping", []string{"shared/app", "shared/provision", "shared/fault"},
		[]string{"cel.dev/cel-go", "github.com/tidwall/gjson", "golang.org/x/text"}},
	{"shared/sqlitefile", []string{"shared/fault"}, []string{"modernc.org/sqlite", "github.com/gofrs/flock"}},
	{"shared/state/stored", []string{"shared/fault"}, nil},
	{"shared/state/sqlite", []string{"shared/state", "shared/state/stored", "shared/provision", "shared/fault", "shared/sqlitefile"}, nil},
	{"shared/state/firestore", []string{"shared/state", "shared/state/stored", "shared/provision", "shared/fault", "shared/fault/rpcfault", "shared/clock"},
		[]string{"cloud.google.com/go/firestore", "github.com/googleapis/gax-go", "github.com/google/uuid", "golang.org/x/sync", "google.golang.org/grpc"}},
	{"shared/tasks/sqlitequeue", []string{"shared/tasks", "shared/fault", "shared/clock", "shared/secrets", "shared/sqlitefile"}, nil},
	{"shared/tasks/cloudtasks", []string{"shared/tasks", "shared/fault", "shared/fault/rpcfault", "shared/clock"},
		[]string{"cloud.google.com/go/cloudtasks", "github.com/googleapis/gax-go", "golang.org/x/sync", "google.golang.org/grpc", "google.golang.org/protobuf"}},
	{"shared/secrets/file", []string{"shared/secrets", "shared/fault"}, nil},
	{"shared/secrets/secretmanager", []string{"shared/secrets", "shared/fault", "shared/fault/rpcfault", "shared/clock"},
		[]string{"cloud.google.com/go/secretmanager", "google.golang.org/api/iterator", "google.golang.org/grpc"}},
	{"shared/egress", []string{"shared/fault"}, nil},
	{"shared/connect", []string{"shared/app", "shared/provision", "shared/fault", "shared/scim", "shared/secrets"}, nil},
	// The domain's own work, over ports only.
	{"shared/roster", []string{"shared/directory", "shared/provision", "shared/scope", "shared/fault", "shared/clock", "shared/recent"}, []string{"golang.org/x/sync"}},
	{"shared/reconcile", []string{"shared/app", "shared/clock", "shared/decide", "shared/directory", "shared/fault", "shared/provision",
		"shared/recent", "shared/roster", "shared/scope", "shared/spent", "shared/state", "shared/tasks"}, nil},
	{"shared/sweep", []string{"shared/app", "shared/clock", "shared/decide", "shared/directory", "shared/fault", "shared/provision",
		"shared/reconcile", "shared/roster", "shared/scope", "shared/state", "shared/tasks"}, []string{"golang.org/x/sync"}},
	{"shared/hint", []string{"shared/clock", "shared/reconcile", "shared/sweep", "shared/tasks"}, nil},
	{"shared/push", []string{"shared/clock", "shared/directory", "shared/fault", "shared/hint", "shared/provision", "shared/secrets", "shared/state"}, nil},
	{"shared/health", []string{"shared/clock", "shared/directory", "shared/fault", "shared/provision", "shared/state"}, nil},
	{"shared/audit", []string{"shared/clock", "shared/directory", "shared/fault", "shared/health", "shared/hint", "shared/provision", "shared/state"}, nil},
	{"shared/admin", []string{"shared/app", "shared/clock", "shared/decide", "shared/directory", "shared/fault", "shared/health", "shared/provision",
		"shared/reconcile", "shared/roster", "shared/scope", "shared/secrets", "shared/state", "shared/sweep", "shared/tasks"}, []string{"golang.org/x/sync"}},
	// Put together.
	{"shared/wiring", []string{"shared/"}, []string{"github.com/google/uuid"}},
	{"shared/wiring/googlecloud", []string{"shared/"}, []string{"cloud.google.com/go/cloudtasks", "cloud.google.com/go/firestore",
		"cloud.google.com/go/secretmanager", "golang.org/x/oauth2", "google.golang.org/api/option"}},
	{"functions/endpoint", []string{"shared/"}, nil},
	{"functions/internal/edge", []string{"shared/", "functions/endpoint"},
		[]string{"github.com/GoogleCloudPlatform/functions-framework-go", "github.com/google/uuid", "google.golang.org/api"}},
	{"functions/directorypush", []string{"functions/internal/edge", "functions/endpoint", "shared/"}, nil},
	{"functions/auditevent", []string{"functions/internal/edge", "functions/endpoint", "shared/"}, nil},
	{"functions/reconcile", []string{"functions/internal/edge", "functions/endpoint", "shared/"}, nil},
	{"functions/sweep", []string{"functions/internal/edge", "functions/endpoint", "shared/"}, nil},
	{"functions/renewchannels", []string{"functions/internal/edge", "functions/endpoint", "shared/"}, nil},
	{"functions/console/pages", []string{"shared/"}, nil},
	{"functions/console/api", []string{"shared/"}, []string{"github.com/danielgtaylor/huma"}},
	{"functions/console", []string{"functions/internal/edge", "functions/console/", "shared/"}, []string{"golang.org/x/oauth2"}},
}

type listed struct {
	ImportPath string
	Imports    []string
	Module     *struct{ Main bool }
}

func list(t *testing.T) []listed {
	t.Helper()
	out, err := exec.Command("go", "list", "-json=ImportPath,Imports,Module", module+"...").Output()
	if err != nil {
		t.Fatalf("go list: %v", err)
	}
	var all []listed
	for d := json.NewDecoder(strings.NewReader(string(out))); ; {
		var p listed
		if err := d.Decode(&p); errors.Is(err, io.EOF) {
			return all
		} else if err != nil {
			t.Fatal(err)
		}
		p.ImportPath = strings.TrimPrefix(p.ImportPath, module)
		all = append(all, p)
	}
}

// testAid reports whether a package exists for tests: the suites of the ports.
func testAid(pkg string) bool {
	return strings.HasPrefix(pkg, "shared/") && strings.HasSuffix(pkg, "test")
}

func TestImports(t *testing.T) {
	for _, p := range list(t) {
		product := strings.HasPrefix(p.ImportPath, "shared/") || strings.HasPrefix(p.ImportPath, "functions/")
		if !product || testAid(p.ImportPath) {
			continue
		}
		i := slices.IndexFunc(layers, func(l struct {
			pkg  string
			may  []string
			libs []string
		}) bool {
			return l.pkg == p.ImportPath
		})
		if i < 0 {
			t.Errorf("%s is not in the picture: add its row to layers, at its height", p.ImportPath)
			continue
		}
		for _, imported := range p.Imports {
			if !allowed(layers[i].may, layers[i].libs, imported) {
				t.Errorf("%s must not import %s", p.ImportPath, imported)
			}
		}
	}
}

// TestPrograms: what runs on one machine is built without Google Cloud's clients,
// and what runs there without a database of its own.
func TestPrograms(t *testing.T) {
	for program, without := range map[string][]string{
		"infra/local":   {"cloud.google.com/go/firestore", "cloud.google.com/go/cloudtasks", "cloud.google.com/go/secretmanager"},
		"functions/...": {"modernc.org/sqlite"},
	} {
		out, err := exec.Command("go", "list", "-deps", module+program).Output()
		if err != nil {
			t.Fatalf("go list: %v", err)
		}
		for pkg := range strings.Lines(string(out)) {
			if slices.ContainsFunc(without, func(lib string) bool { return strings.HasPrefix(pkg, lib) }) {
				t.Errorf("%s is built with %s", program, pkg)
			}
		}
	}
}

func allowed(may, libs []string, imported string) bool {
	if own, ok := strings.CutPrefix(imported, module); ok {
		return slices.ContainsFunc(may, func(m string) bool {
			return own == m || strings.HasSuffix(m, "/") && strings.HasPrefix(own, m)
		})
	}
	first, _, _ := strings.Cut(imported, "/")
	if !strings.Contains(first, ".") {
		return true // standard library
	}
	return slices.ContainsFunc(libs, func(l string) bool { return imported == l || strings.HasPrefix(imported, l+"/") })
}

func TestEveryRowExists(t *testing.T) {
	all := list(t)
	for _, l := range layers {
		if !slices.ContainsFunc(all, func(p listed) bool { return p.ImportPath == l.pkg }) {
			t.Errorf("layers has %s, which does not exist any more", l.pkg)
		}
	}
}

// TestREADME compares the README's list of packages with what there is.
func TestREADME(t *testing.T) {
	data, err := os.ReadFile("../../README.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(data), "## Architecture")
	if !ok {
		t.Fatal("the README has no Architecture")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	var named []string
	for _, row := range regexp.MustCompile("(?m)^\\| (`[^|]*) \\|").FindAllStringSubmatch(section, -1) {
		for _, name := range regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[1], -1) {
			named = append(named, name[1])
		}
	}
	var there []string
	for _, p := range list(t) {
		if !testAid(p.ImportPath) {
			there = append(there, p.ImportPath)
		}
	}
	for _, pkg := range there {
		if !slices.Contains(named, pkg) {
			t.Errorf("the README does not name %s", pkg)
		}
	}
	for _, pkg := range named {
		if !slices.Contains(there, pkg) {
			t.Errorf("the README names %s, which does not exist", pkg)
		}
	}
}
