package process

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// Child is a process that another one started, with its command line.
type Child struct {
	Identity
	Args []string
}

// Children lists the processes whose parent is pid.
func Children(pid int) []Child {
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	if len(stats) == 0 {
		return childrenByPs(pid)
	}
	var children []Child
	for _, path := range stats {
		child, err := strconv.Atoi(filepath.Base(filepath.Dir(path)))
		if err != nil || parentOf(path) != pid {
			continue
		}
		id, err := Of(child)
		if err != nil {
			continue
		}
		line, _ := os.ReadFile(filepath.Join(filepath.Dir(path), "cmdline"))
		args := strings.Split(strings.TrimRight(string(line), "\x00"), "\x00")
		id.Name = filepath.Base(args[0])
		children = append(children, Child{Identity: id, Args: args})
	}
	return children
}

// parentOf reads field 4 of a stat file; the second may hold anything, so it
// counts from that one's end.
func parentOf(stat string) int {
	text, err := os.ReadFile(stat)
	if err != nil {
		return 0
	}
	fields := strings.Fields(string(text[strings.LastIndexByte(string(text), ')')+1:]))
	if len(fields) < 2 {
		return 0
	}
	parent, _ := strconv.Atoi(fields[1])
	return parent
}

func childrenByPs(pid int) []Child {
	out, err := exec.Command("ps", "-axo", "pid=,ppid=,command=").Output()
	if err != nil {
		return nil
	}
	var children []Child
	for line := range strings.Lines(string(out)) {
		fields := strings.Fields(line)
		if len(fields) < 3 || fields[1] != strconv.Itoa(pid) {
			continue
		}
		child, err := strconv.Atoi(fields[0])
		if err != nil {
			continue
		}
		if id, err := Of(child); err == nil {
			id.Name = filepath.Base(fields[2])
			children = append(children, Child{Identity: id, Args: fields[2:]})
		}
	}
	return children
}
