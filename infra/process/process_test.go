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

func sleeper(t *testing.T) *process.Process {
	t.Helper()
	p, err := process.Start(exec.Command("sleep", "600"), syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	return p
}

func TestIdentityIsMoreThanAnID(t *testing.T) {
	p := sleeper(t)
	id := p.Identity()
	if !id.Alive() {
		t.Fatal("a running process is not alive")
	}
	stranger := id
	stranger.Started += 60_000
	if stranger.Alive() {
		t.Error("the same id with another start time is the same process")
	}
	if err := stranger.End(syscall.SIGKILL, time.Second); err != nil || !p.Running() {
		t.Fatalf("a stranger was ended: %v", err)
	}
	p.Stop(syscall.SIGTERM, time.Minute)
	if id.Alive() {
		t.Error("alive after its end")
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
		t.Error("still there")
	}
}

func TestClearEndsWhatWasRecorded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "processes", "order.json")
	if ended, err := process.Clear(path, syscall.SIGTERM, time.Second); ended || err != nil {
		t.Fatalf("nothing recorded: %v %v", ended, err)
	}
	p := sleeper(t)
	if err := process.Record(path, p.Identity()); err != nil {
		t.Fatal(err)
	}
	if ended, err := process.Clear(path, syscall.SIGTERM, time.Minute); !ended || err != nil || p.Identity().Alive() {
		t.Fatalf("ended %v, error %v, alive %v", ended, err, p.Identity().Alive())
	}
	if _, err := process.Recorded(path); !errors.Is(err, process.ErrGone) {
		t.Errorf("the record stayed: %v", err)
	}
}

func TestHalfARecordIsNone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "order.json")
	if err := os.WriteFile(path, []byte(`{"pid": 1`), 0o600); err != nil {
		t.Fatal(err)
	}
	if ended, err := process.Clear(path, syscall.SIGTERM, time.Second); ended || err != nil {
		t.Errorf("ended %v, error %v", ended, err)
	}
}

func TestChildrenAndMemory(t *testing.T) {
	p := sleeper(t)
	found := slices.ContainsFunc(process.Children(os.Getpid()), func(child process.Identity) bool {
		return child.PID == p.PID() && child.Alive() && child.Name == "sleep"
	})
	if !found {
		t.Error("the child is not among the children")
	}
	if held, err := process.Memory(os.Getpid()); err != nil || held < 1<<20 {
		t.Errorf("this process holds %d bytes (%v)", held, err)
	}
}

func TestOneHoldsALock(t *testing.T) {
	path := filepath.Join(t.TempDir(), "local.lock")
	unlock, err := process.Lock(path)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := process.Lock(path); !errors.Is(err, process.ErrLocked) {
		t.Errorf("a second one: %v", err)
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
		t.Errorf("after it was let go: %v", err)
	}
}
