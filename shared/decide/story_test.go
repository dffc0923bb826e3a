package decide_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/tools/txtar"
)

var update = flag.Bool("update", false, "rewrite the actions of the stories")

// TestStories runs the user stories in testdata: a comment with the
// requirement, a configuration, steps, and the actions that must follow.
func TestStories(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/*.txtar")
	if err != nil || len(files) == 0 {
		t.Fatalf("no stories: %v", err)
	}
	for _, file := range files {
		t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar"), func(t *testing.T) {
			t.Parallel()
			story, err := txtar.ParseFile(file)
			if err != nil {
				t.Fatal(err)
			}
			if len(story.Comment) == 0 || len(story.Files) != 3 {
				t.Fatal("a story is a comment, a config, steps and actions")
			}
			w := newWorld()
			for _, line := range lines(story.Files[0].Data) {
				if err := w.configure(line); err != nil {
					t.Fatal(err)
				}
			}
			for _, line := range lines(story.Files[1].Data) {
				if err := w.do(line); err != nil {
					t.Fatalf("%s: %v", line, err)
				}
			}
			var got strings.Builder
			for _, a := range w.log {
				got.WriteString(a.String() + "\n")
			}
			if *update {
				story.Files[2].Data = []byte(got.String())
				if err := os.WriteFile(file, txtar.Format(story), 0o644); err != nil {
					t.Fatal(err)
				}
				return
			}
			if diff := cmp.Diff(string(story.Files[2].Data), got.String()); diff != "" {
				t.Errorf("actions (-want +got):\n%s", diff)
			}
		})
	}
}

// lines are the lines that say something.
func lines(data []byte) []string {
	var out []string
	for line := range strings.Lines(string(data)) {
		if line = strings.TrimSpace(line); line != "" && !strings.HasPrefix(line, "#") {
			out = append(out, line)
		}
	}
	return out
}
