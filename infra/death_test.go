package infra_test

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"runtime"
	"syscall"
	"testing"
	"time"

	"comanda/infra"
	"comanda/infra/process"
)

// parentVariable makes this test binary start both servers and wait. It is the parent that a test kills.
const parentVariable = "COMANDA_TEST_PARENT_DIR"

func TestMain(m *testing.M) {
	if dir := os.Getenv(parentVariable); dir != "" {
		os.Exit(runParent(dir))
	}
	os.Exit(m.Run())
}

// runParent starts both servers, prints their identities, and waits until its standard input is closed.
func runParent(dir string) int {
	kind, err := infra.KindFromEnvironment(os.Getenv)
	if err != nil {
		return 1
	}
	o := infra.Options{Dir: dir, Kind: kind, Log: os.Stderr}
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	defer cancel()
	if _, err := infra.StartPostgres(ctx, o); err != nil {
		return 1
	}
	if _, err := infra.StartKafka(ctx, o); err != nil {
		return 1
	}
	var ids []process.Identity
	for _, name := range []string{"/postgres.process", "/kafka.process"} {
		id, err := process.ReadRecord(dir + name)
		if err != nil {
			return 1
		}
		ids = append(ids, id)
	}
	_ = json.NewEncoder(os.Stdout).Encode(ids)
	_, _ = io.Copy(io.Discard, os.Stdin)
	return 0
}

func TestServersDieWithTheirParentAndRestartOnTheirData(t *testing.T) {
	o := options(t, t.TempDir())
	if o.Kind == infra.Containers || runtime.GOOS != "linux" {
		t.Skip("only Linux signals a child when its parent dies")
	}
	cmd := exec.Command(os.Args[0])
	cmd.Env = append(os.Environ(), parentVariable+"="+o.Dir)
	cmd.Stderr = t.Output()
	in, _ := cmd.StdinPipe()
	defer func() { _ = in.Close() }()
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	var ids []process.Identity
	line, _ := bufio.NewReader(out).ReadBytes('\n')
	if err := json.Unmarshal(line, &ids); err != nil || len(ids) != 2 {
		t.Fatalf("got %q from the parent, want two identities (%v)", line, err)
	}
	if err := cmd.Process.Kill(); err != nil {
		t.Fatal(err)
	}
	_ = cmd.Wait()
	deadline := time.After(20 * time.Second)
	for _, id := range ids {
		for id.Alive() {
			select {
			case <-deadline:
				t.Fatalf("%s outlived its parent", id.Name)
			case <-time.After(20 * time.Millisecond):
			}
		}
	}
	startPostgres(t, o)
	startKafka(t, o)
}

func TestStartEndsTheProcessOfAnEarlierRun(t *testing.T) {
	dir := t.TempDir()
	leftover := exec.Command("sleep", "600")
	p, err := process.Start(leftover, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	if err := process.WriteRecord(dir+"/kafka.process", p.Identity()); err != nil {
		t.Fatal(err)
	}
	startKafka(t, options(t, dir))
	if p.Identity().Alive() {
		t.Fatal("the process of an earlier run still runs")
	}
}

func TestStartLeavesAnotherProcessWithTheSameIDAlone(t *testing.T) {
	dir := t.TempDir()
	other := exec.Command("sleep", "600")
	p, err := process.Start(other, syscall.SIGKILL)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.Kill)
	earlier := p.Identity()
	earlier.Started -= time.Minute.Milliseconds()
	if err := process.WriteRecord(dir+"/kafka.process", earlier); err != nil {
		t.Fatal(err)
	}
	startKafka(t, options(t, dir))
	if !p.Running() {
		t.Fatal("start ended a process that it did not record")
	}
}
