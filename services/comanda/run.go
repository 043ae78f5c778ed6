package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os/signal"
	"syscall"

	"comanda/services/secret"
)

// call is one call of a command: all it knows of the world.
type call struct {
	args           []string
	environ        map[string]string
	stdout, stderr io.Writer
}

var commands = []struct {
	name, summary string
	run           func(context.Context, call) error
}{
	{"secrets", "make the secrets nobody gave, keep them, hand each part its own; `secrets show` shows what a person needs", secrets},
	{"topics", "wait for Kafka and declare every topic", topics},
	{"with", "[-env FILE] [-address-on NAME] -- COMMAND ...: run a command with settings from a file", with},
	{"healthcheck", "URL: exit code 0 if it answers well: http://..., or tcp://host:port", healthcheck},
	{"kafka-exporter", "[-listen ADDRESS]: consumer groups and topics as Prometheus metrics", kafkaExporter},
}

// errUsage says that the command was called in a way it does not know; what it knows has been said.
var errUsage = errors.New("see above")

// run returns the exit code: 0; 1 when what was asked for failed, with one line that says why; 2 for a wrong call.
func run(args, environ []string, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	name := ""
	if len(args) > 0 {
		name = args[0]
	}
	for _, command := range commands {
		if command.name != name {
			continue
		}
		err := command.run(ctx, call{args[1:], secret.Environ(environ), stdout, stderr})
		switch {
		case errors.Is(err, errUsage):
			return 2
		case err != nil:
			_, _ = fmt.Fprintf(stderr, "comanda %s: %v\n", name, err)
			return 1
		}
		return 0
	}
	_, _ = fmt.Fprintln(stderr, "comanda: the operator's command")
	for _, command := range commands {
		_, _ = fmt.Fprintf(stderr, "  comanda %-15s %s\n", command.name, command.summary)
	}
	return 2
}
