package infra

import (
	"context"
	"errors"
	"strings"

	"comanda/services"
	"comanda/services/event"
)

// Servers are what a whole system needs besides its own programs: Postgres with a database for each stateful service, and
// Kafka with every topic.
type Servers struct {
	Postgres *Postgres
	Kafka    *Kafka
}

// StartServers starts both at once. When it returns an error, the caller still stops what did start.
func StartServers(ctx context.Context, postgres, kafka Options) (*Servers, error) {
	s := &Servers{}
	started := make(chan error, 1)
	go func() {
		var err error
		if s.Kafka, err = StartKafka(ctx, kafka); err == nil {
			err = s.Kafka.Declare(ctx, topics())
		}
		started <- err
	}()
	var err error
	if s.Postgres, err = StartPostgres(ctx, postgres); err == nil {
		for _, service := range services.Stateful {
			err = errors.Join(err, s.Postgres.CreateDatabase(ctx, database(service)))
		}
	}
	return s, errors.Join(err, <-started)
}

func topics() []Topic {
	var all []Topic
	for _, name := range event.Declared() {
		all = append(all, Topic{Name: name, Partitions: event.Partitions})
	}
	return all
}

func database(service string) string { return "comanda_" + service }

// DatabaseURL is the connection string of a service's database.
func (s *Servers) DatabaseURL(service string) string { return s.Postgres.URL(database(service)) }

// Environ is what services and sidecars need to know of the servers.
func (s *Servers) Environ() map[string]string {
	environ := map[string]string{"KAFKA_BROKERS": s.Kafka.Brokers()}
	for _, service := range services.Stateful {
		environ[strings.ToUpper(service)+"_DATABASE_URL"] = s.DatabaseURL(service)
	}
	return environ
}

// Stop ends both in good order, Kafka first; their data stays.
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
