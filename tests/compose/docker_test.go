//go:build compose

package compose

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"testing"
	"time"
)

// container is the result of `docker inspect`.
type container struct {
	ID           string `json:"Id"`
	Name         string
	Image        string
	RestartCount int
	State        struct {
		Status    string
		Running   bool
		ExitCode  int
		Pid       int
		StartedAt time.Time
		Health    *struct {
			Status string
			Log    []struct{ Output string }
		}
	}
	Config struct {
		User            string
		Image           string
		Env             []string
		Cmd, Entrypoint []string
		Labels          map[string]string
	}
	HostConfig struct {
		ReadonlyRootfs, Privileged   bool
		CapAdd, CapDrop, SecurityOpt []string
		Memory, NanoCpus             int64
		PidMode, NetworkMode         string
		LogConfig                    struct {
			Type   string
			Config map[string]string
		}
		RestartPolicy struct{ Name string }
		PortBindings  map[string][]struct{ HostIP, HostPort string }
	}
	Mounts []struct {
		Type, Name, Source, Destination string
		RW                              bool
	}
	NetworkSettings struct {
		Networks map[string]struct {
			IPAddress string
			Aliases   []string
		}
	}
}

func (c container) service() string { return c.Config.Labels["com.docker.compose.service"] }

// succeeded reports whether the container is a job that ended successfully.
func (c container) succeeded() bool { return c.State.Status == "exited" && c.State.ExitCode == 0 }

// checkHealthy returns an error if the container is not running or not healthy.
func (c container) checkHealthy() error {
	switch health := c.State.Health; {
	case !c.State.Running:
		return fmt.Errorf("%s is %s (exit code %d)", c.service(), c.State.Status, c.State.ExitCode)
	case health != nil && health.Status != "healthy":
		output := ""
		if n := len(health.Log); n > 0 {
			output = strings.TrimSpace(health.Log[n-1].Output)
		}
		return fmt.Errorf("%s is %s: %s", c.service(), health.Status, output)
	}
	return nil
}

// docker runs a docker command and returns its output. The error contains the command's error output.
func docker(ctx context.Context, args ...string) (string, error) {
	return run(exec.CommandContext(ctx, "docker", args...))
}

// maxErrorOutput limits the command output in an error. The error keeps the end of the output, which has the reason.
const maxErrorOutput = 2000

// run runs a command and returns its output. The error contains the end of all its output.
func run(command *exec.Cmd) (string, error) {
	var out, errOut bytes.Buffer
	command.Stdout, command.Stderr = &out, &errOut
	if err := command.Run(); err != nil {
		text := strings.TrimSpace(out.String() + "\n" + errOut.String())
		text = text[max(0, len(text)-maxErrorOutput):]
		return out.String(), fmt.Errorf("%s ... %s: %w: %s", command.Args[0], command.Args[len(command.Args)-1], err, text)
	}
	return out.String(), nil
}

// containerLog returns the output of a container. args are flags of `docker logs`.
func containerLog(ctx context.Context, id string, args ...string) (string, error) {
	out, err := exec.CommandContext(ctx, "docker", append(append([]string{"logs"}, args...), id)...).CombinedOutput()
	return string(out), err
}

// inspect returns the details of containers, images, networks or volumes.
func inspect[T any](ctx context.Context, kind string, ids ...string) ([]T, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	text, err := docker(ctx, append([]string{kind, "inspect"}, ids...)...)
	if err != nil {
		return nil, err
	}
	var all []T
	return all, json.Unmarshal([]byte(text), &all)
}

// listObjects lists a project's objects of one kind: container, network or volume.
func listObjects(ctx context.Context, kind, project string) ([]string, error) {
	args := []string{kind, "ls", "-q", "--filter", "label=com.docker.compose.project=" + project}
	if kind == "container" {
		args = append(args, "--all", "--no-trunc")
	}
	text, err := docker(ctx, args...)
	return strings.Fields(text), err
}

// kill kills a container's process, as the kernel does when memory runs out. `docker kill` does not work here: the engine
// treats it as a request to stop the container and does not restart it.
func (sys *stack) kill(t testing.TB, c container) {
	t.Helper()
	sys.signal(t, c, "KILL")
}

// signal sends a signal to a container's process from another container, which sees the host's processes.
func (sys *stack) signal(t testing.TB, c container, name string) {
	t.Helper()
	sys.docker(t, "run", "--rm", "--pid", "host", "--network", "none", "--user", "0", "--entrypoint", "/bin/sh",
		sys.image(t, "order-db"), "-c", fmt.Sprintf("kill -%s %d", name, c.State.Pid))
}

// errNoSuchService means that the project has no service of that name.
var errNoSuchService = errors.New("there is no such service in this project")

// ids returns the ids of the services' containers.
func (sys *stack) ids(t testing.TB, services ...string) []string {
	t.Helper()
	var ids []string
	for _, service := range services {
		ids = append(ids, sys.container(t, service).ID)
	}
	return ids
}

// docker runs a docker command and fails the test when the command fails.
func (sys *stack) docker(t testing.TB, args ...string) {
	t.Helper()
	if _, err := docker(t.Context(), args...); err != nil {
		t.Fatal(err)
	}
}
