package architecture

import (
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// TestDependencies compares the page of dependencies with go.mod: each direct
// one is there with its reason, and no other, and those of tests stand apart.
func TestDependencies(t *testing.T) {
	mod, err := os.ReadFile("../../go.mod")
	if err != nil {
		t.Fatal(err)
	}
	var direct []string
	for _, line := range regexp.MustCompile(`(?m)^\t(\S+) v\S+$`).FindAllStringSubmatch(string(mod), -1) {
		direct = append(direct, line[1])
	}
	page, err := os.ReadFile("../docs/dependencies.md")
	if err != nil {
		t.Fatal(err)
	}
	product, tests, _ := strings.Cut(string(page), "## In tests alone")
	rows := func(part string) (modules []string) {
		for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| \\S.* \\| \\S.* \\|$").FindAllStringSubmatch(part, -1) {
			modules = append(modules, row[1])
		}
		return modules
	}
	run, tested := rows(product), rows(tests)
	for _, module := range direct {
		if !slices.Contains(run, module) && !slices.Contains(tested, module) {
			t.Errorf("the page does not say why there is %s", module)
		}
	}
	for _, module := range slices.Concat(run, tested) {
		if !slices.Contains(direct, module) {
			t.Errorf("the page has %s, which go.mod does not require", module)
		}
	}
	for _, p := range list(t) {
		if strings.HasPrefix(p.ImportPath, "infra/") || testAid(p.ImportPath) {
			continue
		}
		for _, imported := range p.Imports {
			if i := slices.IndexFunc(tested, func(m string) bool { return imported == m || strings.HasPrefix(imported, m+"/") }); i >= 0 {
				t.Errorf("%s imports %s, which is said to be for tests alone", p.ImportPath, tested[i])
			}
		}
	}
}
