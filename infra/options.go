package infra

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Kind is where Postgres and Kafka come from.
type Kind string

// The values of COMANDA_BACKING.
const (
	Embedded   Kind = "embedded"
	Apache     Kind = "apache"
	Containers Kind = "containers"
	External   Kind = "external"
)

// KindFromEnvironment reads COMANDA_BACKING; unset means Embedded.
func KindFromEnvironment(getenv func(string) string) (Kind, error) {
	switch kind := Kind(getenv("COMANDA_BACKING")); kind {
	case "":
		return Embedded, nil
	case Embedded, Apache, Containers, External:
		return kind, nil
	default:
		return "", fmt.Errorf("COMANDA_BACKING=%s is unknown: choose embedded, apache, containers or external", kind)
	}
}

// Options are the same for Postgres and Kafka.
type Options struct {
	// Dir holds data (postgres/, kafka/) and logs (logs/). Only one system at a time can use it; a second one gets an error.
	Dir string
	// Kind defaults to Embedded.
	Kind Kind
	// Port is the port to listen on; 0 takes a free one.
	Port int
	// Users makes Kafka demand TLS and a password, and allow each service only what event.Rights lists. Only Apache has it.
	Users bool
	// Log gets one line for each step that a person may want to know.
	Log io.Writer
}

// withDefaults fills in the defaults, and makes the directory of the logs.
func (o Options) withDefaults() (Options, error) {
	if o.Kind == "" {
		o.Kind = Embedded
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Dir == "" {
		return o, errors.New("Options.Dir is empty: set the directory for data and logs")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, err
	}
	o.Dir = dir
	return o, makePrivateDir(o.logDir())
}

// makePrivateDir makes a directory that only its owner can open.
func makePrivateDir(dir string) error {
	return errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o700))
}

func (o Options) logDir() string { return filepath.Join(o.Dir, "logs") }

func (o Options) logf(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Log, format+"\n", args...)
}
