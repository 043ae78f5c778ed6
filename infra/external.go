package infra

import (
	"context"
	"errors"
	"fmt"
	"net/url"
	"strings"

	"comanda/services"
)

// errExternal is the answer when someone else's server is to be restarted.
var errExternal = errors.New("it is not ours to kill (COMANDA_BACKING=external)")

// elsewhere is a server that was there before us and stays.
type elsewhere struct{ reach func(context.Context) error }

func (e elsewhere) start(ctx context.Context) error { return e.reach(ctx) }
func (e elsewhere) stop(context.Context) error      { return nil }
func (e elsewhere) kill(context.Context) error      { return errExternal }

// externalPostgres takes the four URLs as they are given. Any other database
// is looked for on the server of the first of them.
func externalPostgres(getenv func(string) string) (*Postgres, error) {
	given := map[string]string{}
	for _, service := range services.Stateful {
		variable := strings.ToUpper(service) + "_DATABASE_URL"
		address := getenv(variable)
		if parsed, err := url.Parse(address); err != nil || parsed.Host == "" {
			return nil, fmt.Errorf("%s is not set to a postgres:// address, and COMANDA_BACKING=external needs it", variable)
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
		server: elsewhere{reach: func(ctx context.Context) error {
			return wrap("AUTH_DATABASE_URL", reachable(ctx, given["comanda_auth"]))
		}},
		url:  database,
		note: "the given one on " + server.Host,
	}, nil
}

func externalKafka(getenv func(string) string) (*Kafka, error) {
	brokers := getenv("KAFKA_BROKERS")
	if brokers == "" {
		return nil, errors.New("KAFKA_BROKERS is not set, and COMANDA_BACKING=external needs it")
	}
	return &Kafka{
		server:  elsewhere{reach: func(context.Context) error { return nil }},
		brokers: brokers,
		note:    "the given brokers " + brokers,
	}, nil
}
