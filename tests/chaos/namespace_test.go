package chaos

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

func TestMain(m *testing.M) {
	code, ran := runInNamespace()
	if !ran {
		code = m.Run()
	}
	os.Exit(code)
}

// A panic, or kill -9, must not leave the disk of Postgres mounted: no other process sees it, so it ends with the test's own processes.
func TestTheDiskIsMountedForTheTestAlone(t *testing.T) {
	dir := filepath.Join(t.TempDir(), "disk")
	disk, err := mountDisk(dir, "1m")
	if err != nil {
		if os.Geteuid() == 0 && os.Getenv(insideNamespace) != "" {
			t.Fatal(err)
		}
		return // without the right to mount, nothing stays mounted
	}
	defer func() {
		if err := disk.unmount(); err != nil {
			t.Error(err)
		}
	}()
	for pid, want := range map[int]bool{os.Getpid(): true, os.Getppid(): false} {
		mounts, err := os.ReadFile(filepath.Join("/proc", strconv.Itoa(pid), "mountinfo"))
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(mounts), dir); got != want {
			t.Errorf("process %d: the disk is mounted: got %t, want %t", pid, got, want)
		}
	}
}
