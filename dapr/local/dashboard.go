package main

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"comanda/infra/port"
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

func dashboardLine() string {
	if _, found := dashboardProgram(); !found {
		return "Dashboard `dapr init` brings it to ~/.dapr/bin; the next make run starts it on port " + strconv.Itoa(dashboardPort)
	}
	return fmt.Sprintf("Dashboard http://127.0.0.1:%d", dashboardPort)
}

// startDashboard starts the program, if there is one. Nothing depends on it, so its troubles are only mentioned.
func (l *launcher) startDashboard() {
	program, found := dashboardProgram()
	if !found {
		return
	}
	if err := port.CheckFree(map[int]string{dashboardPort: "the Dapr dashboard"}); err != nil {
		l.console.say("dashboard", "not started: %v", err)
		return
	}
	log, err := os.Create(l.place.log("dashboard"))
	if err != nil {
		l.console.say("dashboard", "not started: %v", err)
		return
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(program, "--port", strconv.Itoa(dashboardPort), "--address", "127.0.0.1")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if l.board, err = process.Start(cmd, syscall.SIGTERM); err != nil {
		l.console.say("dashboard", "not started: %v", err)
	}
}

// dashboardGrace is how long the dashboard may take to end.
const dashboardGrace = 3 * time.Second

func (l *launcher) stopDashboard() {
	if l.board != nil {
		l.board.Stop(syscall.SIGTERM, dashboardGrace)
	}
}
