package infra

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"comanda/services"
	"comanda/services/comanda/kafka"
)

// errExternal is the error of Kill on an external server.
var errExternal = errors.New("an external server cannot be killed (COMANDA_BACKING=external): kill it where it runs")

// externalServer is a server that this package neither starts nor stops.
type externalServer struct{ ping func(context.Context) error }

func (e externalServer) start(ctx context.Context) error { return e.ping(ctx) }
func (e externalServer) stop(context.Context) error      { return nil }
func (e externalServer) kill(context.Context) error      { return errExternal }

// newExternalPostgres uses the URLs of the four services. Any other database must be on the server of AUTH_DATABASE_URL.
func newExternalPostgres(getenv func(string) string) (*Postgres, error) {
	given := map[string]string{}
	for _, service := range services.Stateful {
		variable := strings.ToUpper(service) + "_DATABASE_URL"
		address := getenv(variable)
		if parsed, err := url.Parse(address); err != nil || parsed.Host == "" {
			return nil, fmt.Errorf("COMANDA_BACKING=external needs %s: set it to a postgres:// URL", variable)
		}
		given["comanda_"+service] = address
	}
	server, _ := url.Parse(given["comanda_auth"])
	database := func(name string) string {
		if address, ok := given[name]; ok {
			return address
		}
		other := *server
		other.Path = "/" + name
		return other.String()
	}
	return &Postgres{
		server: externalServer{ping: func(ctx context.Context) error {
			return wrap("AUTH_DATABASE_URL", pingPostgres(ctx, given["comanda_auth"]))
		}},
		url:  database,
		note: "external server on " + server.Host,
	}, nil
}

// newExternalKafka returns the brokers that the settings name. It does not connect to them.
func newExternalKafka(environ map[string]string) (*Kafka, error) {
	if environ["KAFKA_BROKERS"] == "" && environ["KAFKA_BROKERS_FILE"] == "" {
		return nil, errors.New("COMANDA_BACKING=external needs KAFKA_BROKERS: set it to host:port")
	}
	settings, err := kafka.ReadSettings(environ, "")
	if err != nil {
		return nil, err
	}
	return &Kafka{
		server:   externalServer{ping: func(context.Context) error { return nil }}, // Kafka.Start waits for the brokers
		settings: settings,
		services: func(service string) (kafka.Settings, error) { return kafka.ReadSettings(environ, service) },
		note:     "external brokers " + settings.Brokers,
	}, nil
}
