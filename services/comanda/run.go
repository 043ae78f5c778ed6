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

// call is one call of a command: its arguments, environment and output.
type call struct {
	args           []string
	environ        map[string]string
	stdout, stderr io.Writer
}

// commands are the commands in the order in which run lists them.
var commands = []struct {
	name, summary string
	run           func(context.Context, call) error
}{
	{"secrets", "generate the missing secrets, store all, give each part its own; `secrets show` prints those a person needs", runSecrets},
	{"event-keys", "print keys with which services sign their events, and the public keys; the environment's stay", runEventKeys},
	{"topics", "wait for Kafka, declare every topic, and delete the dead letters that services have stored", declareTopics},
	{"kafka-rights", "give each service's user of Kafka exactly what it needs; run it as Kafka's administrator", setKafkaRights},
	{"dead-letters", "list, show, replay and discard the events that services could not handle", runDeadLetters},
	{"reconcile", "[-repair]: report what does not add up between the databases; -repair mends what is safe", runReconcile},
	{"with", "[-env FILE] [-address-on NAME] -- COMMAND ...: run a command with settings from a file", runWith},
	{"healthcheck", "URL: exit with 0 if it responds with success: http://..., or tcp://host:port", runHealthcheck},
	{"kafka-exporter", "[-listen ADDRESS]: serve consumer groups and topics as Prometheus metrics", runKafkaExporter},
}

// errUsage makes run return the exit code 2. What is wrong with the call has already been printed.
var errUsage = errors.New("see above")

// run runs a command and returns the exit code: 0 for success, 1 for a failure that it explains in one line, 2 for an invalid
// call (errUsage).
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
