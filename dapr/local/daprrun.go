package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"time"

	"comanda/infra/build"
	"comanda/infra/process"
)

// daprRun is one `dapr run -f FILE` and the parts it is to start.
type daprRun struct {
	*process.Process
	name  string
	parts []*part
	place place
	said  *lineWriter
	last  []string // what the CLI itself said last
}

// startDapr runs the CLI on the file. What its services and sidecars say is in
// their own log files; what it says itself is kept for when it fails.
func startDapr(p place, name, file string, environ []string, parts []*part) (*daprRun, error) {
	program, err := build.Bin("dapr")
	if err != nil {
		return nil, err
	}
	log, err := os.OpenFile(p.log(name), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return nil, err
	}
	run := &daprRun{name: name, parts: parts, place: p}
	run.said = &lineWriter{line: func(line string) {
		// fileAndConsole: the services' lines are in their own files already.
		if strings.Contains(line, "== APP - ") || strings.Contains(line, " scope=dapr.") {
			return
		}
		_, _ = fmt.Fprintln(log, line)
		run.last = append(run.last, strings.TrimSpace(line))
		run.last = run.last[max(0, len(run.last)-lastLines):]
	}}
	cmd := exec.Command(program, "run", "-f", file)
	cmd.Dir, cmd.Env = p.root, environ
	cmd.Stdout, cmd.Stderr = run.said, run.said
	// Its own group from the start: a terminal's Ctrl-C is for us to pass on.
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	// A sidecar that outlives the CLI must not keep us waiting for its output.
	cmd.WaitDelay = time.Second
	if run.Process, err = process.Start(cmd, syscall.SIGTERM); err != nil {
		return nil, errors.Join(err, log.Close())
	}
	id := run.Identity()
	id.Name = "dapr run (" + name + ")"
	return run, process.Record(run.record(), id)
}

func (r *daprRun) record() string {
	return filepath.Join(r.place.processes(), r.name+".json")
}

// find looks for the parts among the CLI's children.
func (r *daprRun) find() error {
	var failed error
	for _, child := range process.Children(r.PID()) {
		for _, p := range r.parts {
			if p.is(child) {
				failed = errors.Join(failed, p.found(child.Identity))
			}
		}
	}
	return failed
}
