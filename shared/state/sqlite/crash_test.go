package sqlite_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/sqlitefile"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/sqlite"
)

// childPath in the environment makes the test binary a process that commits to
// the store there until it is killed.
const childPath = "AUTOPROVISION_TEST_STATE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childPath); path != "" {
		if err := commitForever(path); err != nil {
			fmt.Println("child:", err)
			os.Exit(1)
		}
	}
	os.Exit(m.Run())
}

// writers of a child; each owns one record, and adds one to its number with
// every commit.
const writers = 8

// commitForever prints "writer number" for each commit that has returned.
func commitForever(path string) error {
	file, err := sqlitefile.Open(path, []sqlitefile.Schema{sqlite.Schema()}, nil)
	if err != nil {
		return err
	}
	store, err := sqlite.New(file)
	if err != nil {
		return err
	}
	failed := make(chan error)
	for w := range writers {
		go func() {
			for {
				n, err := commitNext(store, w)
				if err != nil {
					failed <- err
					return
				}
				fmt.Printf("%d %d\n", w, n) // one write call, so lines do not mix
			}
		}()
	}
	return <-failed
}

// commitNext adds one to the number in the writer's record, with an event of the same number.
func commitNext(store *sqlite.Store, writer int) (int, error) {
	ctx := context.Background()
	r, err := store.Record(ctx, fmt.Sprint("writer", writer))
	if err != nil {
		return 0, err
	}
	n := number(r) + 1
	r.MissingSweep = strconv.Itoa(n)
	_, err = store.Commit(ctx, state.Change{Record: r, Events: []provision.Event{{ID: fmt.Sprint(writer, "-", n), UserID: r.UserID}}})
	return n, err
}

func number(r provision.Record) int {
	n, _ := strconv.Atoi(r.MissingSweep) // a record that is not there has none
	return n
}

// TestKill kills a process that commits, and looks whether each commit that it
// saw return is there, and nothing is there by half.
func TestKill(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	for round := range 3 {
		child := exec.Command(os.Args[0])
		child.Env = append(os.Environ(), childPath+"="+path)
		stdout, err := child.StdoutPipe()
		if err != nil {
			t.Fatal(err)
		}
		if err := child.Start(); err != nil {
			t.Fatal(err)
		}
		acknowledged := map[int]int{}
		killAfter := 50 + rand.IntN(400)
		lines := bufio.NewScanner(stdout)
		for seen := 0; lines.Scan(); seen++ {
			var writer, n int
			if _, err := fmt.Sscanf(lines.Text(), "%d %d", &writer, &n); err != nil {
				t.Fatalf("the child says %q", lines.Text())
			}
			acknowledged[writer] = n
			if seen == killAfter {
				if err := child.Process.Kill(); err != nil {
					t.Fatal(err)
				}
			}
		}
		_ = child.Wait() // says that it was killed
		if len(acknowledged) == 0 {
			t.Fatal("the child committed nothing")
		}
		checkAfterKill(t, path, round, acknowledged)
	}
}

func checkAfterKill(t *testing.T, path string, round int, acknowledged map[int]int) {
	t.Helper()
	file, store := openStore(t, path, nil)
	defer closeFile(t, file)
	for writer := range writers {
		r, err := store.Record(context.Background(), fmt.Sprint("writer", writer))
		if err != nil {
			t.Fatal(err)
		}
		if number(r) < acknowledged[writer] || int64(number(r)) != r.Version {
			t.Errorf("round %d: writer %d is at %d, version %d; it was told of %d", round, writer, number(r), r.Version, acknowledged[writer])
		}
		events := 0
		for token := ""; ; {
			page, next, err := store.Events(context.Background(), state.EventFilter{UserID: r.UserID, Limit: 500, Token: token})
			if err != nil {
				t.Fatal(err)
			}
			events += len(page)
			if token = next; token == "" {
				break
			}
		}
		if events != number(r) {
			t.Errorf("round %d: writer %d is at %d but has %d events", round, writer, number(r), events)
		}
	}
}

func TestFullDisk(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "state.db")
	file, store := openStore(t, path, &sqlitefile.Options{MaxPages: 60})
	var stored []provision.Record
	var err error
	for i := 0; err == nil; i++ {
		r := person(i)
		if r.Version, err = store.Commit(context.Background(), state.Change{Record: r}); err == nil {
			stored = append(stored, r)
		}
	}
	if !fault.Is(err, fault.Unavailable) || !strings.Contains(err.Error(), "free some space") || len(stored) == 0 {
		t.Fatalf("after %d records: %v", len(stored), err)
	}
	if _, err := store.Configuration(context.Background()); err != nil {
		t.Errorf("a read on a full disk: %v", err)
	}
	closeFile(t, file)
	file, store = openStore(t, path, nil)
	defer closeFile(t, file)
	for _, want := range stored {
		got, err := store.Record(context.Background(), want.UserID)
		if err != nil || got.Version != want.Version {
			t.Errorf("record %s has version %d, want %d (error %v)", want.UserID, got.Version, want.Version, err)
		}
	}
	if _, err := store.Commit(context.Background(), state.Change{Record: person(len(stored))}); err != nil {
		t.Errorf("with space again: %v", err)
	}
}

func TestNonsenseIsNoticed(t *testing.T) {
	t.Parallel()
	file, store := openStore(t, filepath.Join(t.TempDir(), "state.db"), nil)
	defer closeFile(t, file)
	ctx := context.Background()
	for what, doc := range map[string]string{
		"no JSON":                `ana@example.com`,
		"an unknown field":       `{"userId":"u1","salary":"ana@example.com"}`,
		"a value of no type":     `{"userId":"u1","email":7,"lookedAt":"ana@example.com"}`,
		"another user's":         `{"userId":"u2","email":"ana@example.com"}`,
		"more after the end":     `{"userId":"u1"} "ana@example.com"`,
		"cut short":              `{"userId":"u1","email":"ana@example.c`,
		"a time that is no time": `{"userId":"u1","lookedAt":"ana@example.com"}`,
	} {
		err := file.Write(ctx, func(tx sqlitefile.Tx) error {
			_, err := tx.Exec(`INSERT OR REPLACE INTO records (user_id, version, email, account_state, attention, doc)
				VALUES ('u1', 1, '', 'none', 0, ?)`, doc)
			return err
		})
		if err != nil {
			t.Fatal(err)
		}
		want := fault.Internal
		if what == "an unknown field" { // which another version may have written
			want = fault.Unavailable
		}
		_, err = store.Record(ctx, "u1")
		if !fault.Is(err, want) || !strings.Contains(err.Error(), `"u1"`) || strings.Contains(err.Error(), "ana@") {
			t.Errorf("%s: %v, want %v that names the key and nothing personal", what, err, want)
		}
	}
}
