package process_test

import (
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"testing"
	"time"

	"comanda/infra/process"
)

func startSleep(t *testing.T) *process.Process {
	t.Helper()
	p, err := process.Start(exec.Command("sleep", "600"), syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestIdentityIncludesTheStartTime(t *testing.T) {
	p := startSleep(t)
	id := p.Identity()
	if !id.Alive() {
		t.Fatal("got not alive for a running process")
	}
	other := id
	other.Started += time.Minute.Milliseconds()
	if other.Alive() {
		t.Error("got alive for the same id with another start time")
	}
	if err := other.End(syscall.SIGKILL, time.Second); err != nil || !p.Running() {
		t.Fatalf("ended another process with the same id (error: %v)", err)
	}
	p.Stop(syscall.SIGTERM, time.Minute)
	if id.Alive() {
		t.Error("got alive for a process that has ended")
	}
}

func TestStopKillsAProcessThatIgnoresTheSignal(t *testing.T) {
	cmd := exec.Command("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	p, err := process.Start(cmd, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if _, err := out.Read(make([]byte, 8)); err != nil {
		t.Fatal(err)
	}
	p.Stop(syscall.SIGTERM, 50*time.Millisecond)
	if p.Running() {
		t.Error("the process still runs after Stop")
	}
}

func TestEndRecordedEndsTheProcessAndRemovesTheRecord(t *testing.T) {
	path := filepath.Join(t.TempDir(), "processes", "order.json")
	if ended, err := process.EndRecorded(path, syscall.SIGTERM, time.Second); ended || err != nil {
		t.Fatalf("without a record: got %v (error: %v), want false", ended, err)
	}
	p := startSleep(t)
	if err := process.WriteRecord(path, p.Identity()); err != nil {
		t.Fatal(err)
	}
	if ended, err := process.EndRecorded(path, syscall.SIGTERM, time.Minute); !ended || err != nil || p.Identity().Alive() {
		t.Fatalf("got ended %v, alive %v (error: %v), want true and false", ended, p.Identity().Alive(), err)
	}
	if _, err := process.ReadRecord(path); !errors.Is(err, process.ErrGone) {
		t.Errorf("got %v after the end, want ErrGone: the record was not removed", err)
	}
}

func TestIncompleteRecordCountsAsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(path, []byte(`{"pid": 1`), 0o600); err != nil {
		t.Fatal(err)
	}
	if ended, err := process.EndRecorded(path, syscall.SIGTERM, time.Second); ended || err != nil {
		t.Errorf("got ended %v (error: %v), want false", ended, err)
	}
}

func TestChildrenAndMemoryReportRunningProcesses(t *testing.T) {
	p := startSleep(t)
	found := slices.ContainsFunc(process.Children(os.Getpid()), func(child process.Identity) bool {
		return child.PID == p.PID() && child.Alive() && child.Name == "sleep"
	})
	if !found {
		t.Error("Children does not list a running child")
	}
	if size, err := process.Memory(os.Getpid()); err != nil || size < 1<<20 {
		t.Errorf("got %d bytes for this process (error: %v), want at least 1 MiB", size, err)
	}
}

func TestLockHasOneHolderAtATime(t *testing.T) {
	path := filepath.Join(t.TempDir(), "local.lock")
	unlock, err := process.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := process.Lock(path); !errors.Is(err, process.ErrLocked) {
		t.Errorf("second lock: got %v, want ErrLocked", err)
	}
	got := make(chan error, 1)
	go func() {
		second, err := process.AwaitLock(t.Context(), path)
		if err == nil {
			second()
		}
		got <- err
	}()
	unlock()
	if err := <-got; err != nil {
		t.Errorf("got %v after the unlock, want the lock", err)
	}
}
