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

// dashboardPort is the port that the former service registry had.
const dashboardPort = 8761

// findDashboard returns the path of the Dapr dashboard, which is not part of this checkout. It looks in the PATH, and then in
// .dapr/bin of DAPR_RUNTIME_PATH and of the home directory, where `dapr init` installs it.
func findDashboard() (string, bool) {
	for _, name := range []string{"dapr-dashboard", "dashboard"} {
		if path, err := exec.LookPath(name); err == nil {
			return path, true
		}
	}
	folders := []string{os.Getenv("DAPR_RUNTIME_PATH")}
	if home, err := os.UserHomeDir(); err == nil {
		folders = append(folders, home)
	}
	for _, folder := range folders {
		if folder == "" {
			continue
		}
		path := filepath.Join(folder, ".dapr", "bin", "dashboard")
		if info, err := os.Stat(path); err == nil && info.Mode()&0o111 != 0 {
			return path, true
		}
	}
	return "", false
}

// dashboardLine returns the greeting's line about the dashboard.
func dashboardLine() string {
	if _, found := findDashboard(); !found {
		return "Dashboard not running: it is optional. `dapr init` installs it, and `make run` then starts it on port " + strconv.Itoa(dashboardPort)
	}
	return fmt.Sprintf("Dashboard http://127.0.0.1:%d", dashboardPort)
}

// startDashboard starts the dashboard if it is installed. Nothing depends on it, so a failure is only reported.
func (l *launcher) startDashboard() {
	program, found := findDashboard()
	if !found {
		return
	}
	if err := port.CheckFree(map[int]string{dashboardPort: "the Dapr dashboard"}); err != nil {
		l.console.printLine("dashboard", "not started: %v", err)
		return
	}
	log, err := os.Create(l.paths.log("dashboard"))
	if err != nil {
		l.console.printLine("dashboard", "not started: %v", err)
		return
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(program, "--port", strconv.Itoa(dashboardPort), "--address", "127.0.0.1")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	if l.dashboard, err = process.Start(cmd, syscall.SIGTERM); err != nil {
		l.console.printLine("dashboard", "not started: %v", err)
	}
}

// dashboardGrace bounds the dashboard's shutdown.
const dashboardGrace = 3 * time.Second

func (l *launcher) stopDashboard() {
	if l.dashboard != nil {
		l.dashboard.Stop(syscall.SIGTERM, dashboardGrace)
	}
}
