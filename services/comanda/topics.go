package main

import (
	"context"
	"fmt"
	"time"

	"github.com/caarlos0/env/v11"

	"comanda/services/event"
	"comanda/services/event/broker"
)

// topicsTimeout is how long the broker may take to start, and then to create all topics.
const topicsTimeout = 3 * time.Minute

// kafka is what the commands that speak to Kafka need to know.
type kafka struct {
	Brokers string `env:"KAFKA_BROKERS,required,notEmpty"`
}

func loadKafka(environ map[string]string) (kafka, error) {
	config, err := env.ParseAsWithOptions[kafka](env.Options{Environment: environ})
	if err != nil {
		return config, fmt.Errorf("KAFKA_BROKERS is not set: set it to host:port, or several of them separated by commas")
	}
	return config, nil
}

// topics can be run again at any time: it creates what is missing.
func topics(ctx context.Context, c call) error {
	config, err := loadKafka(c.environ)
	if err != nil {
		return err
	}
	client, err := broker.Connect(config.Brokers)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, topicsTimeout)
	defer cancel()
	if err := broker.Await(ctx, client); err != nil {
		return fmt.Errorf("no broker works at %s: %w", config.Brokers, err)
	}
	var wanted []broker.Topic
	for _, name := range event.Declared() {
		wanted = append(wanted, broker.Topic{Name: name, Partitions: event.Partitions})
	}
	created, err := broker.Declare(ctx, client, wanted)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.stdout, "%d topics are there, %d of them new\n", len(wanted), created)
	return nil
}
