package infra

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
)

// Kind says where Postgres and Kafka come from.
type Kind string

// The kinds COMANDA_BACKING may name.
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
		return "", fmt.Errorf("COMANDA_BACKING=%s: choose embedded, apache, containers or external", kind)
	}
}

// Options are the same for Postgres and Kafka.
type Options struct {
	// Dir keeps data (postgres/, kafka/) and logs (logs/). Not for two
	// systems at a time: a second one is refused.
	Dir string
	// Kind is Embedded when empty.
	Kind Kind
	// Port to listen on; 0 takes a free one.
	Port int
	// Log gets one line for each thing a person may want to know.
	Log io.Writer
}

func (o Options) withDefaults() (Options, error) {
	if o.Kind == "" {
		o.Kind = Embedded
	}
	if o.Log == nil {
		o.Log = io.Discard
	}
	if o.Dir == "" {
		return o, fmt.Errorf("backing needs a directory for its data")
	}
	dir, err := filepath.Abs(o.Dir)
	if err != nil {
		return o, err
	}
	o.Dir = dir
	return o, private(o.logs())
}

// private makes a directory that other users cannot look into.
func private(dir string) error {
	return errors.Join(os.MkdirAll(dir, 0o700), os.Chmod(dir, 0o700))
}

func (o Options) logs() string { return filepath.Join(o.Dir, "logs") }

func (o Options) say(format string, args ...any) {
	_, _ = fmt.Fprintf(o.Log, format+"\n", args...)
}
