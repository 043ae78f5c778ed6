package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"

	"comanda/services/comanda/kafka"
	"comanda/services/event"
)

// topicsTimeout bounds the commands topics and kafka-rights. The first one also waits for the broker's start.
const topicsTimeout = 3 * time.Minute

// loadKafkaSettings reads the settings of the commands that use Kafka.
func loadKafkaSettings(environ map[string]string) (kafka.Settings, error) {
	settings, err := kafka.ReadSettings(environ, "")
	if err == nil && settings.Brokers == "" {
		err = errors.New("KAFKA_BROKERS is not set: set it to host:port, or to a comma-separated list of them")
	}
	return settings, err
}

// connectKafka returns a client for the settings in environ. The caller closes it.
func connectKafka(environ map[string]string) (*kadm.Client, kafka.Settings, error) {
	settings, err := loadKafkaSettings(environ)
	if err != nil {
		return nil, settings, err
	}
	client, err := kafka.Connect(settings)
	return client, settings, err
}

// declareTopics creates the missing topics, and deletes from the dead-letter topics what their services have stored. It can run again at
// any time.
func declareTopics(ctx context.Context, c call) error {
	client, settings, err := connectKafka(c.environ)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, topicsTimeout)
	defer cancel()
	if err := kafka.AwaitReady(ctx, client); err != nil {
		return fmt.Errorf("no Kafka broker is ready at %s: %w: start Kafka, or correct KAFKA_BROKERS and the other settings for Kafka", settings.Brokers, err)
	}
	var wanted []kafka.Topic
	for _, name := range event.Declared() {
		wanted = append(wanted, kafka.Topic{Name: name, Partitions: event.Partitions, Retention: event.Retention(name)})
	}
	created, err := kafka.DeclareTopics(ctx, client, wanted)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.stdout, "%d topics exist, %d of them new\n", len(wanted), created)
	if created == len(wanted) { // a new broker
		return nil
	}
	deleted, err := kafka.DeleteStored(ctx, client)
	if err != nil { // the services need the topics, and not this
		_, _ = fmt.Fprintf(c.stderr, "stored dead letters are not deleted: %v\n", err)
	}
	if deleted > 0 {
		_, _ = fmt.Fprintf(c.stdout, "%d dead letters deleted, which their services have stored\n", deleted)
	}
	return nil
}
