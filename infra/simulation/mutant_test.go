package simulation

import (
	"cmp"
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// mutantVariable is the environment variable that holds the number of the mutation
// to run.
const mutantVariable = "SIMULATION_MUTANT"

// insertion is text to put into a file, at an offset.
type insertion struct {
	at   int
	text string
}

// mutate writes the files of the product with all mutations in them, and the overlay
// that puts them in place. A function that a mutation breaks begins with its broken
// body, behind a condition that is true for that one mutation: to compile and link
// the product once for each would take longer than to run them.
func mutate(t *testing.T, root string, all []mutation) (overlay string) {
	t.Helper()
	sources, inserted := map[string]*source{}, map[string][]insertion{}
	for i, m := range all {
		broken := map[*ast.FuncDecl]string{} // the bodies
		files := map[*ast.FuncDecl]string{}
		for _, e := range m.edits {
			if sources[e.file] == nil {
				sources[e.file] = parse(t, filepath.Join(root, filepath.FromSlash(e.file)))
			}
			s := sources[e.file]
			f := s.function(t, m.rule, e)
			if f == nil {
				continue
			}
			if _, twice := broken[f]; !twice {
				broken[f], files[f] = s.text[f.Body.Lbrace:f.Body.Rbrace-1], e.file
			}
			broken[f] = strings.Replace(broken[f], e.old, e.new, 1)
		}
		for f, body := range broken {
			if f.Type.Results == nil {
				body += "\nreturn\n"
			}
			inserted[files[f]] = append(inserted[files[f]], insertion{int(f.Body.Lbrace), fmt.Sprintf("\nif mutant == \"%d\" {%s}\n", i, body)})
		}
	}
	dir, replace := t.TempDir(), map[string]string{}
	write := func(file, text string) {
		written := filepath.Join(dir, strings.ReplaceAll(file, "/", "_"))
		if err := os.WriteFile(written, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		replace[filepath.Join(root, filepath.FromSlash(file))] = written
	}
	for file, list := range inserted {
		text := sources[file].text
		for _, in := range slices.SortedStableFunc(slices.Values(list), func(a, b insertion) int { return cmp.Compare(b.at, a.at) }) {
			text = text[:in.at] + in.text + text[in.at:]
		}
		write(file, text)
		write(path.Dir(file)+"/mutant.go", fmt.Sprintf("package %s\n\nimport \"os\"\n\nvar mutant = os.Getenv(%q)\n", sources[file].name, mutantVariable))
	}
	data, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		t.Fatal(err)
	}
	overlay = filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return overlay
}

// source is a file of the product. Its positions are offsets and one.
type source struct {
	path, text, name string
	functions        []*ast.FuncDecl
}

func parse(t *testing.T, path string) *source {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	file, err := parser.ParseFile(token.NewFileSet(), path, data, parser.SkipObjectResolution)
	if err != nil {
		t.Fatal(err)
	}
	s := &source{path: path, text: string(data), name: file.Name.Name}
	for _, d := range file.Decls {
		if f, ok := d.(*ast.FuncDecl); ok {
			s.functions = append(s.functions, f)
		}
	}
	return s
}

// function is the one whose body holds the text that an edit replaces; nil, and the
// test has failed, when there is none.
func (s *source) function(t *testing.T, rule string, e edit) *ast.FuncDecl {
	t.Helper()
	if n := strings.Count(s.text, e.old); n != 1 {
		t.Errorf("the mutation of %q applies no more: %d times in %s:\n%s", rule, n, s.path, e.old)
		return nil
	}
	at := strings.Index(s.text, e.old)
	for _, f := range s.functions {
		if int(f.Body.Lbrace) <= at && at+len(e.old) < int(f.Body.Rbrace) {
			return f
		}
	}
	t.Errorf("the mutation of %q is not within a function of %s:\n%s", rule, s.path, e.old)
	return nil
}
