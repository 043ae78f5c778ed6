package infra

import (
	"context"
	"errors"
	"strings"

	"comanda/services"
	"comanda/services/event"
)

// Servers are the Postgres and the Kafka of one system: Postgres has a database for each stateful service, Kafka has every topic.
type Servers struct {
	Postgres *Postgres
	Kafka    *Kafka
}

// StartServers starts Postgres and Kafka concurrently. After an error, the caller must stop the returned Servers: one of them
// may run.
func StartServers(ctx context.Context, postgres, kafka Options) (*Servers, error) {
	s := &Servers{}
	started := make(chan error, 1)
	go func() {
		var err error
		if s.Kafka, err = StartKafka(ctx, kafka); err == nil {
			err = s.Kafka.Declare(ctx, declaredTopics())
		}
		started <- err
	}()
	var err error
	if s.Postgres, err = StartPostgres(ctx, postgres); err == nil {
		for _, service := range services.Stateful {
			err = errors.Join(err, s.Postgres.CreateDatabase(ctx, databaseName(service)))
		}
	}
	return s, errors.Join(err, <-started)
}

// declaredTopics returns the topics of the contract of events.
func declaredTopics() []Topic {
	var topics []Topic
	for _, name := range event.Declared() {
		topics = append(topics, Topic{Name: name, Partitions: event.Partitions, Retention: event.Retention(name)})
	}
	return topics
}

// DeclareTopics declares every topic of the contract, as `comanda topics` does, for a broker that has lost its data. It waits for a
// broker that is being restarted.
func (s *Servers) DeclareTopics(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, startTimeout)
	defer cancel()
	for {
		err := s.Kafka.Declare(ctx, declaredTopics())
		if err == nil || !pause(ctx, pollInterval) {
			return err
		}
	}
}

// databaseName returns the name of a service's database.
func databaseName(service string) string { return "comanda_" + service }

// DatabaseURL returns the connection string of a service's database.
func (s *Servers) DatabaseURL(service string) string { return s.Postgres.URL(databaseName(service)) }

// Environ returns the settings with the addresses of Postgres and Kafka, for services and sidecars. If the broker has users, the
// settings for Kafka are an administrator's; SidecarEnvirons returns those of each service's own user.
func (s *Servers) Environ() map[string]string {
	environ := s.Kafka.Settings().Environ()
	for _, service := range services.Stateful {
		environ[strings.ToUpper(service)+"_DATABASE_URL"] = s.DatabaseURL(service)
	}
	return environ
}

// Stop stops Kafka, then Postgres.
func (s *Servers) Stop(ctx context.Context) error {
	var err error
	if s.Kafka != nil {
		err = s.Kafka.Stop(ctx)
	}
	if s.Postgres != nil {
		err = errors.Join(err, s.Postgres.Stop(ctx))
	}
	return err
}
