package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"

	"comanda/infra/process"
)

// dashboardPort is where the registry page used to be.
const dashboardPort = 8761

// dashboardProgram finds the Dapr dashboard, which is no part of this checkout.
func dashboardProgram() (string, bool) {
	for _, name := range []string{"dapr-dashboard", "dashboard"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	homes := []string{os.Getenv("DAPR_RUNTIME_PATH")}
	if home, err := os.UserHomeDir(); err == nil {
		homes = append(homes, home)
	}
	for _, home := range homes {
		path := filepath.Join(home, ".dapr", "bin", "dashboard")
		if info, err := os.Stat(path); home != "" && err == nil && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

func (s *system) dashboardLine() string {
	if _, found := dashboardProgram(); !found {
		return "Dashboard `dapr init` brings it to ~/.dapr/bin; the next make run starts it on port " + strconv.Itoa(dashboardPort)
	}
	return fmt.Sprintf("Dashboard http://127.0.0.1:%d", dashboardPort)
}

// dashboard starts the program, if there is one; nothing depends on it.
func (s *system) dashboard() {
	program, found := dashboardProgram()
	if !found {
		return
	}
	if err := free(dashboardPort); err != nil {
		s.console.say("dashboard", "not started: port %d is in use", dashboardPort)
		return
	}
	log, err := os.Create(s.place.log("dashboard"))
	if err != nil {
		s.complain(err)
		return
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(program, "--port", strconv.Itoa(dashboardPort), "--address", "127.0.0.1")
	cmd.Env = s.environment()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if s.board, err = process.Start(cmd, syscall.SIGTERM); err != nil {
		s.complain(err)
		return
	}
	id := s.board.Identity()
	id.Name = "dashboard"
	s.complain(process.Record(filepath.Join(s.place.processes(), "dashboard.json"), id))
}

func (s *system) stopBoard() {
	if s.board != nil {
		s.board.Stop(syscall.SIGTERM, cliGrace)
	}
}
