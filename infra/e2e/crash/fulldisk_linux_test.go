package crash

import (
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"example.com/autoprovision/infra/e2e/program"
)

// smallDisk mounts a small file system in memory, where that is allowed.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("a file system cannot be mounted here: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, syscall.MNT_DETACH); err != nil {
			t.Errorf("the small disk stays mounted: %v", err)
		}
	})
	return folder
}

// On a disk that fills up under load the program says so and waits. Killed
// then, it refuses to start or waits again; with space it goes on, and in the
// end every account is right and nothing was done twice.
func TestDiskFillsUp(t *testing.T) {
	t.Parallel()
	folder := smallDisk(t, "64m")
	o := newOutside(t, folder)
	p := o.start(t)
	o.turnOn(p)
	p.SweepDone(30 * time.Second)
	life := live(t, o, rand.New(rand.NewPCG(*seed, 2)))
	filler := filepath.Join(folder, "filler")
	fill(t, filler)
	full := func() bool { return strings.Contains(p.Log(), "free some space") }
	program.Until(t, 30*time.Second, "it says that the disk is full", full)
	if st := p.API("GET", "", nil, 200); st["status"] != "on" {
		t.Errorf("on a full disk it is %v", st["status"])
	}
	p.Kill()
	cmd := binary.Command(o.flags...)
	var said strings.Builder
	cmd.Stdout, cmd.Stderr = &said, &said
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	<-time.After(2 * time.Second)
	_ = cmd.Process.Kill() // it may have ended
	_ = cmd.Wait()
	if !strings.Contains(said.String(), "free some space") {
		t.Errorf("started on a full disk it said: %s", said.String())
	}
	if err := os.Remove(filler); err != nil {
		t.Fatal(err)
	}
	p = o.start(t)
	life.end()
	judge(t, p, o)
}

// fill takes what is left of a disk but for a little.
func fill(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	for _, block := range []int{1 << 20, 1 << 12} {
		for err = nil; err == nil; {
			_, err = file.Write(make([]byte, block))
		}
	}
	info, err := file.Stat()
	if err != nil {
		t.Fatal(err)
	}
	if err := file.Truncate(info.Size() - 200<<10); err != nil {
		t.Fatal(err)
	}
}
