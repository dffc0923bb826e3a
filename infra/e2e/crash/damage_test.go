package crash

import (
	"crypto/sha256"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
)

var leaveAtOnce = object{"appOff": object{}, "suspended": object{"suspendAfter": "within24h", "deleteAfter": "7d"}, "deleted": object{}}

// A data folder that is damaged is refused in words that name the file and say
// what to do, nothing in it is changed, and with the file back all is as it was.
func TestDamagedFolder(t *testing.T) {
	t.Parallel()
	good := t.TempDir()
	p := binary.Start(t, "-data", good)
	p.SetUp(program.Everybody(), leaveAtOnce)
	before, events := accounts(t, p), len(p.Events(""))
	if err := p.Stop(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	const db = "autoprovision.db"
	for _, test := range []struct {
		name, file string
		damage     func(data []byte) []byte // nil removes the file
		says       string
	}{
		{"cut in half", db, func(d []byte) []byte { return d[:len(d)/2/4096*4096] }, "restore it"},
		{"cut short by a few bytes", db, func(d []byte) []byte { return d[:len(d)-100] }, "cut short"},
		{"empty", db, func([]byte) []byte { return []byte{} }, "cut short"},
		{"garbage", db, func(d []byte) []byte { return []byte(strings.Repeat("garbage ", len(d)/8)) }, "not a file of this program"},
		{"garbage in the middle", db, func(d []byte) []byte {
			copy(d[len(d)/2/4096*4096:], strings.Repeat("garbage ", 2*4096/8))
			return d
		}, "restore it"},
		{"garbage after the header", db, func(d []byte) []byte { copy(d[100:], strings.Repeat("garbage ", 1000)); return d }, "restore it"},
		{"another program's", db, func(d []byte) []byte { copy(d[68:], "\x00\x00\x00\x07"); return d }, "not a file of this program"},
		{"secrets of garbage", "secrets.enc", func([]byte) []byte { return []byte("garbage") }, "secrets.enc"},
		{"no key of the secrets", "secrets.key", nil, "restore the key"},
		{"a cut key", "secrets.key", func(d []byte) []byte { return d[:5] }, "restore it"},
		{"a cut company", "simulated-workspace.json", func(d []byte) []byte { return d[:len(d)/2] }, "restore it"},
		{"no time", "business-time", func([]byte) []byte { return []byte("soon") }, "restore it"},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			folder := t.TempDir()
			copyFolder(t, folder, good)
			path := filepath.Join(folder, test.file)
			whole, err := os.ReadFile(path)
			if err != nil && test.file != "business-time" { // which is kept only once it differs from the machine's
				t.Fatal(err)
			}
			if test.damage == nil {
				err = os.Remove(path)
			} else {
				err = os.WriteFile(path, test.damage(append([]byte{}, whole...)), 0o600)
			}
			if err != nil {
				t.Fatal(err)
			}
			found := contents(t, folder)
			out, err := binary.Run(t, "-addr", "127.0.0.1:0", "-data", folder)
			if err == nil || !strings.Contains(out, test.file) || !strings.Contains(out, test.says) {
				t.Errorf("err %v, said: %s", err, out)
			}
			left := contents(t, folder)
			if test.file != db { // which is whole, and may be opened before the other is read
				delete(found, db)
				delete(left, db)
			}
			if !maps.Equal(found, left) {
				t.Errorf("it was refused, and changed all the same: %v, was %v", left, found)
			}
		})
	}
	t.Run("whole again", func(t *testing.T) {
		folder := t.TempDir() // the others begin when this has ended, with what was left at first
		copyFolder(t, folder, good)
		p := binary.Start(t, "-data", folder)
		if st := p.API("GET", "", nil, 200); st["status"] != "on" {
			t.Errorf("it is %v", st["status"])
		}
		if after := accounts(t, p); !maps.Equal(before, after) || len(p.Events("")) != events {
			t.Errorf("%d accounts and %d events, had %d and %d", len(after), len(p.Events("")), len(before), events)
		}
	})
}

// A database that is cut beside the log of a program that was killed is refused
// too, and neither is changed: with the file back, nothing is lost.
func TestCutBesideItsLog(t *testing.T) {
	t.Parallel()
	killed := t.TempDir()
	p := binary.Start(t, "-data", killed)
	p.SetUp(program.Everybody(), leaveAtOnce)
	if err := p.Stop(syscall.SIGTERM); err != nil { // which leaves everything in the database
		t.Fatal(err)
	}
	p = binary.Start(t, "-data", killed)
	const who = "yuki.tanaka@example.com"
	p.Dir("PATCH", "/users/"+who, object{"suspended": true})
	program.Until(t, 10*time.Second, "a suspend", func() bool { return p.AccountState(who) == "suspended" })
	p.Kill() // which leaves this in the log
	const db, wal = "autoprovision.db", "autoprovision.db-wal"
	log := func(folder string) string {
		data, err := os.ReadFile(filepath.Join(folder, wal))
		if err != nil || len(data) == 0 {
			t.Errorf("the log has %d bytes: %v", len(data), err)
		}
		return string(data)
	}
	for name, left := range map[string]func(whole int) int{
		"in half":     func(whole int) int { return whole / 2 / 4096 * 4096 },
		"in mid-page": func(whole int) int { return whole/2/4096*4096 + 1000 },
		"to one page": func(int) int { return 4096 },
		"to nothing":  func(int) int { return 0 },
	} {
		t.Run(name, func(t *testing.T) { // one after the other, since the simulated services have their ports
			folder := t.TempDir()
			copyFolder(t, folder, killed)
			path := filepath.Join(folder, db)
			whole, err := os.ReadFile(path)
			if err != nil {
				t.Fatal(err)
			}
			if err := os.Truncate(path, int64(left(len(whole)))); err != nil {
				t.Fatal(err)
			}
			found, logged := contents(t, folder), log(folder)
			out, err := binary.Run(t, "-addr", "127.0.0.1:0", "-data", folder)
			if err == nil || !strings.Contains(out, db) || !strings.Contains(out, "restore it and the files beside it") {
				t.Errorf("err %v, said: %s", err, out)
			}
			if left := contents(t, folder); !maps.Equal(found, left) || log(folder) != logged {
				t.Errorf("it was refused, and changed all the same: %v, was %v", left, found)
			}
			if err := os.WriteFile(path, whole, 0o600); err != nil {
				t.Fatal(err)
			}
			p := binary.Start(t, "-data", folder)
			if got := p.AccountState(who); got != "suspended" {
				t.Errorf("whole again, the account is %s", got)
			}
		})
	}
}

// copyFolder copies files for the eyes of their owner only, as they were.
func copyFolder(t *testing.T, to, from string) {
	t.Helper()
	entries, err := os.ReadDir(from)
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range entries {
		data, err := os.ReadFile(filepath.Join(from, e.Name()))
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(filepath.Join(to, e.Name()), data, 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// contents is a hash of each file by its name; those that the program may touch
// before it refuses hold nothing.
func contents(t *testing.T, folder string) map[string]string {
	t.Helper()
	found := map[string]string{}
	err := filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || strings.HasSuffix(path, ".lock") || strings.HasSuffix(path, "-shm") || strings.HasSuffix(path, "-wal") {
			return err
		}
		data, err := os.ReadFile(path)
		found[d.Name()] = fmt.Sprintf("%d bytes, %x", len(data), sha256.Sum256(data))
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return found
}

// nobody is an account that owns nothing here.
const nobody = 65534

// A folder that may not be written is refused in words, empty or not.
func TestReadOnlyFolder(t *testing.T) {
	t.Parallel()
	used := openFolder(t)
	p := binary.Start(t, "-data", used)
	p.Kill()
	for name, folder := range map[string]string{"new": openFolder(t), "used": used} {
		if err := os.Chmod(folder, 0o555); err != nil {
			t.Fatal(err)
		}
		cmd := binary.Command("-data", folder)
		cmd.Dir = "/"
		if os.Getuid() == 0 { // who may write everything
			cmd.SysProcAttr = &syscall.SysProcAttr{Credential: &syscall.Credential{Uid: nobody, Gid: nobody}}
		}
		found := contents(t, folder)
		out, err := program.ToEnd(t, cmd)
		if err == nil || !strings.Contains(out, folder) || !strings.Contains(out, "the right to write") {
			t.Errorf("%s folder: %v, said: %s", name, err, out)
		}
		if left := contents(t, folder); !maps.Equal(found, left) {
			t.Errorf("%s folder: it was refused, and changed all the same: %v, was %v", name, left, found)
		}
		if err := os.Chmod(folder, 0o755); err != nil {
			t.Fatal(err)
		}
	}
	p = binary.Start(t, "-data", used)
	if st := p.API("GET", "", nil, 200); st["status"] != "notConfigured" {
		t.Errorf("writable again it is %v", st["status"])
	}
}

// openFolder is a folder that everybody may enter, unlike those of t.TempDir.
func openFolder(t *testing.T) string {
	t.Helper()
	folder, err := os.MkdirTemp("", "autoprovision-open-")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { os.RemoveAll(folder) })
	if err := os.Chmod(folder, 0o755); err != nil {
		t.Fatal(err)
	}
	return folder
}
