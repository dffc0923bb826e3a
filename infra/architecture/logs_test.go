package architecture

import (
	"go/ast"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// methods are slog's, by what they are called; the number is where the message is among the arguments.
var methods = map[string]int{"Info": 0, "Warn": 0, "Error": 0, "InfoContext": 1, "WarnContext": 1, "ErrorContext": 1, "Log": 2}

// open stands for fields of a line that are no constants; it sorts behind all names.
const open = "…"

// TestLogLines holds the page that names every line of the log against the
// lines that the deployed code writes: message and fields, both ways. Metrics
// and alerts are made of that page.
func TestLogLines(t *testing.T) {
	t.Parallel()
	documented := map[string]string{}
	page, err := os.ReadFile("../docs/logs.md")
	if err != nil {
		t.Fatal(err)
	}
	for _, row := range regexp.MustCompile("(?m)^\\| `([^`]+)` \\| ([^|]*) \\|").FindAllStringSubmatch(string(page), -1) {
		fields := regexp.MustCompile("`([^`]+)`").FindAllStringSubmatch(row[2], -1)
		var names []string
		for _, f := range fields {
			names = append(names, f[1])
		}
		slices.Sort(names)
		documented[row[1]] = strings.Join(names, " ")
	}
	lines := written(t)
	for message, names := range lines {
		if known, isOpen := strings.CutSuffix(names, open); isOpen && strings.HasPrefix(documented[message], strings.TrimSpace(known)) {
			lines[message] = documented[message]
		}
	}
	if diff := cmp.Diff(lines, documented); diff != "" {
		t.Errorf("infra/docs/logs.md (+) is not what the code writes (-):\n%s", diff)
	}
}

// written are the lines of shared and functions, without the queue that is not
// deployed: their messages with all fields that any of them has.
func written(t *testing.T) map[string]string {
	t.Helper()
	fields := map[string]map[string]bool{}
	for _, root := range []string{"../../shared", "../../functions"} {
		err := filepath.WalkDir(root, func(path string, d fs.DirEntry, err error) error {
			if err != nil || d.IsDir() || !strings.HasSuffix(path, ".go") || strings.HasSuffix(path, "_test.go") ||
				strings.Contains(path, "sqlite") || strings.HasSuffix(filepath.Dir(path), "test") {
				return err
			}
			file, err := parser.ParseFile(token.NewFileSet(), path, nil, 0)
			if err != nil {
				return err
			}
			ast.Inspect(file, func(n ast.Node) bool {
				if message, names, ok := logLine(n); ok {
					if fields[message] == nil {
						fields[message] = map[string]bool{}
					}
					for _, name := range names {
						fields[message][name] = true
					}
				}
				return true
			})
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	lines := map[string]string{}
	for message, names := range fields {
		lines[message] = strings.Join(slices.Sorted(maps.Keys(names)), " ")
	}
	return lines
}

// logLine reads a call of a logger's method whose message is a constant.
func logLine(n ast.Node) (message string, names []string, ok bool) {
	call, isCall := n.(*ast.CallExpr)
	if !isCall {
		return "", nil, false
	}
	method, isMethod := call.Fun.(*ast.SelectorExpr)
	if !isMethod {
		return "", nil, false
	}
	at, known := methods[method.Sel.Name]
	if !known || len(call.Args) <= at {
		return "", nil, false
	}
	if message, ok = text(call.Args[at]); !ok {
		return "", nil, false
	}
	for i := at + 1; i < len(call.Args); i += 2 {
		name, constant := text(call.Args[i])
		if !constant {
			names = append(names, open) // the page says what comes of it
			break
		}
		names = append(names, name)
	}
	return message, names, true
}

func text(e ast.Expr) (string, bool) {
	literal, ok := e.(*ast.BasicLit)
	if !ok || literal.Kind != token.STRING {
		return "", false
	}
	value, err := strconv.Unquote(literal.Value)
	return value, err == nil
}
