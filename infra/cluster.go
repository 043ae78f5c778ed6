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

// superuser owns every database of a cluster of ours.
const superuser = "comanda"

// cluster is a Postgres of our own: a data directory, the programs that serve
// it, and the user they run as.
type cluster struct {
	options  Options
	dir      string // holds data/ and password
	programs string // the folder of initdb and postgres
	owner    owner
	port     int
	password string
	running  child
	unlock   func()
}

func clusterPostgres(ctx context.Context, options Options) (*Postgres, error) {
	own, err := clusterOwner()
	if err != nil {
		return nil, err
	}
	dir, err := own.home(filepath.Join(options.Dir, "postgres"))
	if err != nil {
		return nil, err
	}
	c := &cluster{options: options, dir: dir, owner: own, port: options.Port}
	if err := c.lock(); err != nil {
		return nil, err
	}
	if err := c.prepare(ctx); err != nil {
		c.release()
		return nil, err
	}
	address := "127.0.0.1:" + strconv.Itoa(c.port)
	return &Postgres{
		server: c,
		url: func(database string) string {
			return postgresURL(address, superuser, c.password, database)
		},
		note: fmt.Sprintf("%s on %s, data in %s", c.programs, address, c.data()),
		exit: c.running.done,
	}, nil
}

func (c *cluster) data() string   { return filepath.Join(c.dir, "data") }
func (c *cluster) record() string { return filepath.Join(c.options.Dir, "postgres.process") }
func (c *cluster) log() string    { return filepath.Join(c.options.logs(), "postgres.log") }

// lock refuses a second system on the same data; release lets go of it.
func (c *cluster) lock() (err error) {
	if c.unlock != nil {
		return nil
	}
	c.unlock, err = process.Lock(filepath.Join(c.options.Dir, "postgres.lock"))
	return wrap("the data in "+c.dir, err)
}

func (c *cluster) release() {
	if c.unlock != nil {
		c.unlock()
		c.unlock = nil
	}
}

// prepare finds the programs, clears what a killed run left, and makes the
// data directory if this is the first time.
func (c *cluster) prepare(ctx context.Context) error {
	if ended, err := process.Clear(c.record(), syscall.SIGINT, stopGrace); err != nil {
		return err
	} else if ended {
		c.options.say("Postgres: ended the one an earlier run left behind")
	}
	if err := c.owner.own(c.dir); err != nil {
		return err
	}
	var err error
	if c.programs, err = postgresPrograms(ctx, c.data(), c.owner, c.options); err != nil {
		return err
	}
	if c.port == 0 {
		if c.port, err = port.Reserve(); err != nil {
			return err
		}
	}
	if c.password, err = c.keepPassword(); err != nil {
		return err
	}
	return c.initialize(ctx)
}

func (c *cluster) keepPassword() (string, error) {
	path := filepath.Join(c.dir, "password")
	kept, err := os.ReadFile(path)
	if err == nil {
		return strings.TrimSpace(string(kept)), nil
	}
	if !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	password := rand.Text()
	if err := os.WriteFile(path, []byte(password+"\n"), 0o600); err != nil {
		return "", err
	}
	return password, c.owner.own(path)
}

// initialize runs initdb into a folder beside the data directory and renames
// it when complete: a run killed half-way leaves nothing that looks like data.
func (c *cluster) initialize(ctx context.Context) error {
	if _, err := os.Stat(filepath.Join(c.data(), "PG_VERSION")); err == nil {
		return nil
	}
	fresh := c.data() + ".new"
	if err := errors.Join(os.RemoveAll(fresh), os.RemoveAll(c.data())); err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, filepath.Join(c.programs, "initdb"),
		"--pgdata="+fresh, "--username="+superuser, "--pwfile="+filepath.Join(c.dir, "password"),
		"--auth=scram-sha-256", "--encoding=UTF8", "--locale=C")
	cmd.Dir = c.dir
	cmd.SysProcAttr = c.owner.attributes()
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("initdb: %w: %s", err, lastLines(string(out), 3))
	}
	return os.Rename(fresh, c.data())
}

func (c *cluster) start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	err := c.lock()
	if err != nil {
		return err
	}
	for {
		if err = c.run(); err != nil {
			return err
		}
		err = c.ready(ctx)
		// Children of a killed server take a moment to see that it is gone,
		// and so long the new one is refused the shared memory.
		if err == nil || ctx.Err() != nil || !strings.Contains(err.Error(), "shared memory block") {
			return err
		}
		if !pause(ctx, pollInterval) {
			return err
		}
	}
}

func (c *cluster) run() error {
	log, err := os.OpenFile(c.log(), os.O_CREATE|os.O_APPEND|os.O_WRONLY, 0o600)
	if err != nil {
		return err
	}
	defer func() { _ = log.Close() }()
	cmd := exec.Command(filepath.Join(c.programs, "postgres"), "-D", c.data(),
		"-p", strconv.Itoa(c.port), "-c", "listen_addresses=127.0.0.1", "-c", "unix_socket_directories=",
		"-c", "max_connections="+maxConnections, "-c", "fsync=on", "-c", "synchronous_commit=on",
		"-c", "timezone=UTC", "-c", "log_timezone=UTC", "-c", "logging_collector=off", "-c", "log_destination=stderr")
	cmd.Dir = c.data()
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = c.owner.attributes()
	// A terminal's Ctrl-C reaches the launcher only, which stops the sidecars first.
	cmd.SysProcAttr.Setpgid = true
	return c.running.start(cmd, syscall.SIGINT, "postgres", c.record())
}

func (c *cluster) ready(ctx context.Context) error {
	url := postgresURL("127.0.0.1:"+strconv.Itoa(c.port), superuser, c.password, "postgres")
	for {
		err := reachable(ctx, url)
		if err == nil {
			return nil
		}
		select {
		case <-c.running.done():
			return fmt.Errorf("it ended at start: %s (all of it in %s)", strings.Join(LastLines(c.log(), 0, 3), " | "), c.log())
		case <-ctx.Done():
			return fmt.Errorf("it does not answer on port %d: %w", c.port, err)
		case <-time.After(pollInterval):
		}
	}
}

// stop is Postgres' fast shutdown: clients are cut off, data is written out.
func (c *cluster) stop(context.Context) error {
	if running := c.running.current(); running != nil {
		running.Stop(syscall.SIGINT, stopGrace)
	}
	c.release()
	return process.Forget(c.record())
}

// kill ends the children too: by themselves they would notice that the postmaster is gone only after their current
// statement, which a power cut does not grant.
func (c *cluster) kill(context.Context) error {
	running := c.running.current()
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
