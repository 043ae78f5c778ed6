package infra

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"comanda/services"
)

// errExternal is the error of Kill on an external server.
var errExternal = errors.New("an external server cannot be killed (COMANDA_BACKING=external): kill it where it runs")

// externalServer is a server that this package neither starts nor stops.
type externalServer struct{ ping func(context.Context) error }

func (e externalServer) start(ctx context.Context) error { return e.ping(ctx) }
func (e externalServer) stop(context.Context) error      { return nil }
func (e externalServer) kill(context.Context) error      { return errExternal }

// newExternalPostgres uses the URLs of the four services. Any other database is expected on the server of the first URL.
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

func newExternalKafka(getenv func(string) string) (*Kafka, error) {
	brokers := getenv("KAFKA_BROKERS")
	if brokers == "" {
		return nil, errors.New("COMANDA_BACKING=external needs KAFKA_BROKERS: set it to host:port")
	}
	return &Kafka{
		server:  externalServer{ping: func(context.Context) error { return nil }}, // Kafka.Start waits for the brokers
		brokers: brokers,
		note:    "external brokers " + brokers,
	}, nil
}
