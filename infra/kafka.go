package infra

import (
	"context"
	"errors"
	"fmt"
	"os"
	"time"

	"comanda/services/comanda/kafka"
	"comanda/services/secret"
)

// Topic is a topic to declare. Topics are never auto-created: the embedded broker forgets auto-created topics when it is
// killed.
type Topic = kafka.Topic

// Kafka is one running broker, or the external brokers.
type Kafka struct {
	server
	settings kafka.Settings                               // those of an administrator, if the broker has users
	services func(service string) (kafka.Settings, error) // the settings of a service's sidecar; nil if all use settings
	prepare  func(context.Context) error                  // runs once, when the broker is ready for the first time; may be nil
	note     string                                       // says what runs, and where
	exit     func() <-chan struct{}                       // nil for a container and for an external server
	pid      func() int                                   // nil for a container and for an external server
}

// StartKafka starts the broker, or finds the external ones, and returns when Kafka is ready.
func StartKafka(ctx context.Context, options Options) (*Kafka, error) {
	options, err := options.withDefaults()
	if err != nil {
		return nil, err
	}
	if options.Users && options.Kind != Apache {
		return nil, fmt.Errorf("only Apache Kafka has users here: choose %s instead of %s", Apache, options.Kind)
	}
	var k *Kafka
	switch options.Kind {
	case Embedded:
		k, err = newEmbeddedKafka(ctx, options)
	case Apache:
		k, err = newApacheKafka(ctx, options)
	case Containers:
		k, err = newContainerKafka(options)
	case External:
		k, err = newExternalKafka(secret.Environ(os.Environ()))
	default:
		return nil, fmt.Errorf("unknown kind of infrastructure %q: choose embedded, apache, containers or external", options.Kind)
	}
	if err != nil {
		return nil, fmt.Errorf("kafka: %w", err)
	}
	err = k.Start(ctx)
	if err == nil && k.prepare != nil {
		err = k.prepare(ctx)
	}
	if err != nil {
		return nil, errors.Join(err, k.Stop(context.WithoutCancel(ctx)))
	}
	options.logf("Kafka: %s", k.note)
	return k, nil
}

// Brokers returns the value for KAFKA_BROKERS: a comma-separated list of host:port.
func (k *Kafka) Brokers() string { return k.settings.Brokers }

// Settings returns the settings with which tools and tests connect.
func (k *Kafka) Settings() kafka.Settings { return k.settings }

// ServiceSettings returns the settings of a service's sidecar. Each has its own user, if the broker has users.
func (k *Kafka) ServiceSettings(service string) (kafka.Settings, error) {
	if k.services == nil {
		return k.settings, nil
	}
	return k.services(service)
}

// PID returns the id of the server's process; 0 for a container, for an external server and before the first start.
func (k *Kafka) PID() int {
	if k.pid == nil {
		return 0
	}
	return k.pid()
}

// Exited returns a channel that is closed when the broker's process has ended, for any reason. It is nil for a container and
// for external brokers, where the end cannot be observed.
func (k *Kafka) Exited() <-chan struct{} {
	if k.exit == nil {
		return nil
	}
	return k.exit()
}

// Start starts the broker, also again after Stop or Kill, on the same port and data. It returns when the broker is ready.
func (k *Kafka) Start(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	if err := k.start(ctx); err != nil {
		return wrap("start kafka", err)
	}
	return wrap("start kafka", k.awaitReady(ctx))
}

// Stop shuts the broker down cleanly and keeps its data, except a container's. It leaves external brokers alone.
func (k *Kafka) Stop(ctx context.Context) error { return wrap("stop kafka", k.stop(ctx)) }

// Kill ends the broker abruptly, as a power cut would.
func (k *Kafka) Kill(ctx context.Context) error { return wrap("kill kafka", k.kill(ctx)) }

// Declare creates the missing topics and adds missing partitions to the others.
func (k *Kafka) Declare(ctx context.Context, topics []Topic) error {
	client, err := kafka.Connect(k.settings)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	_, err = kafka.DeclareTopics(ctx, client, topics)
	return err
}

// awaitReady waits until the broker has a controller. The broker listens before that.
func (k *Kafka) awaitReady(ctx context.Context) error {
	client, err := kafka.Connect(k.settings)
	if err != nil {
		return err
	}
	defer client.Close()
	for {
		err := kafka.CheckReady(ctx, client)
		if err == nil {
			return nil
		}
		select {
		case <-k.Exited():
			return errors.New("the broker ended during its start: " + k.note)
		case <-ctx.Done():
			return fmt.Errorf("no broker is ready at %s: %w", k.settings.Brokers, errors.Join(err, ctx.Err()))
		case <-time.After(pollInterval):
		}
	}
}
