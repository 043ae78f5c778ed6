package infra

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"

	"comanda/infra/port"
	"comanda/infra/process"
)

// superuser owns every database of a cluster that this package creates.
const superuser = "comanda"

// cluster is a Postgres cluster on this machine: a data directory, the programs that serve it, and the user they run as.
type cluster struct {
	options  Options
	dir      string // holds data/ and password
	programs string // the folder of initdb and postgres
	owner    owner
	port     int
	password string
	process  child
	unlock   func()
}

// newClusterPostgres prepares the start of a cluster: its programs, its data and its port.
func newClusterPostgres(ctx context.Context, options Options) (*Postgres, error) {
	user, err := clusterOwner()
	if err != nil {
		return nil, err
	}
	dir, err := user.makeHome(filepath.Join(options.Dir, "postgres"))
	if err != nil {
		return nil, err
	}
	c := &cluster{options: options, dir: dir, owner: user, port: options.Port}
	if err := c.lock(); err != nil {
		return nil, err
	}
	if err := c.prepare(ctx); err != nil {
		c.release()
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(c.port)
	return &Postgres{
		server:   c,
		programs: c.programs,
		url: func(database string) string {
			return postgresURL(address, superuser, c.password, database)
		},
		note: fmt.Sprintf("%s on %s, data in %s", c.programs, address, c.dataDir()),
		exit: c.process.exited, pid: c.process.pid,
	}, nil
}

func (c *cluster) dataDir() string    { return filepath.Join(c.dir, "data") }
func (c *cluster) recordPath() string { return filepath.Join(c.options.Dir, "postgres.process") }
func (c *cluster) logPath() string    { return filepath.Join(c.options.logDir(), "postgres.log") }

// lock locks the data against a second system. release unlocks it.
func (c *cluster) lock() (err error) {
	if c.unlock != nil {
		return nil
	}
	c.unlock, err = process.Lock(filepath.Join(c.options.Dir, "postgres.lock"))
	return wrap("lock the data in "+c.dir, err)
}

func (c *cluster) release() {
	if c.unlock != nil {
		c.unlock()
		c.unlock = nil
	}
}

// prepare finds the programs, ends the server of an earlier run that was killed, and initializes the data directory on the first
// run.
func (c *cluster) prepare(ctx context.Context) error {
	if cleared, err := process.EndRecorded(c.recordPath(), syscall.SIGINT, stopGrace); err != nil {
		return err
	} else if cleared {
		c.options.logf("Postgres: stopped the server of an earlier run")
	}
	if err := c.owner.chown(c.dir); err != nil {
		return err
	}
	var err error
	if c.programs, err = postgresPrograms(ctx, c.dataDir(), c.owner, c.options); err != nil {
		return err
	}
	if c.port == 0 {
		if c.port, err = port.Reserve(); err != nil {
			return err
		}
	}
	if c.password, err = c.loadPassword(); err != nil {
		return err
	}
	return c.initialize(ctx)
}

// loadPassword reads the superuser's password, and generates it on the first run.
func (c *cluster) loadPassword() (string, error) {
	path := filepath.Join(c.dir, "password")
	text, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(text)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	password := rand.Text()
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		return "", err
	}
	return password, c.owner.chown(path)
}

// initialize runs initdb in a folder beside the data directory and renames that folder when it is complete. A run that is killed
// half-way therefore leaves no incomplete data directory.
func (c *cluster) initialize(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(c.dataDir(), "PG_VERSION")); err == nil {
		return nil
	}
	fresh := c.dataDir() + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.RemoveAll(c.dataDir())); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(c.programs, "initdb"),
		"--pgdata="+fresh, "--username="+superuser, "--pwfile="+filepath.Join(c.dir, "password"),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C")
	cmd.Dir = c.dir
	cmd.SysProcAttr = c.owner.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, joinLastLines(string(out), 3))
	}
	return os.Rename(fresh, c.dataDir())
}

// start starts the server, and returns when it is ready. It tries again while a killed predecessor still holds its memory.
func (c *cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := c.lock()
	if err != nil {
		return err
	}
	for {
		if err = c.startProcess(); err != nil {
			return err
		}
		err = c.awaitReady(ctx)
		// The children of a killed server hold its shared memory until they notice that it is gone.
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "shared memory block") {
			return err
		}
		if !pause(ctx, pollInterval) {
			return err
		}
	}
}

func (c *cluster) startProcess() error {
	log, err := os.OpenFile(c.logPath(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(filepath.Join(c.programs, "postgres"), "-D", c.dataDir(),
		"-p", strconv.Itoa(c.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections="+maxConnections, "-c", "fsync=on", "-c", "synchronous_commit=on",
		"-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "logging_collector=off", "-c", "log_destination=stderr",
		"-c", "log_error_verbosity=terse") // no DETAIL: it has the values that a unique index refuses, such as an e-mail
	cmd.Dir = c.dataDir()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = c.owner.attributes()
	// In its own group it gets no Ctrl-C of the terminal. The launcher does, and stops the sidecars first.
	cmd.SysProcAttr.Setpgid = true
	return c.process.start(cmd, syscall.SIGINT, "postgres", c.recordPath())
}

func (c *cluster) awaitReady(ctx context.Context) error {
	url := postgresURL("127.0.0.1:"+strconv.Itoa(c.port), superuser, c.password, "postgres")
	for {
		err := pingPostgres(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-c.process.exited():
			return fmt.Errorf("the server ended during its start: %s (full log: %s)", strings.Join(LastLines(c.logPath(), 0, 3), " | "), c.logPath())
		case <-ctx.Done():
			return fmt.Errorf("the server does not respond on port %d: %w", c.port, err)
		case <-time.After(pollInterval):
		}
	}
}

// stop runs Postgres' fast shutdown, which disconnects the clients and writes all data.
func (c *cluster) stop(context.Context) error {
	if running := c.process.current(); running != nil {
		running.Stop(syscall.SIGINT, stopGrace)
	}
	c.release()
	return process.RemoveRecord(c.recordPath())
}

// kill kills the children too. On their own they would first complete their current statement, which a power cut does not
// allow.
func (c *cluster) kill(context.Context) error {
	running := c.process.current()
	if running == nil {
		return nil
	}
	children := process.Children(running.PID())
	running.Kill()
	for _, child := range children {
		if err := child.End(syscall.SIGKILL, stopGrace); err != nil {
			return err
		}
	}
	return nil
}
