package main

import (
	"maps"
	"testing"

	"github.com/jackc/pgx/v5/pgxpool"
)

func TestConnectionStringGetsTheLimitsItDoesNotSet(t *testing.T) {
	for _, given := range []string{
		"postgres://user:p%40ss%2Fword@db:5432/orders?lock_timeout=1", "postgresql://user:p%40ss%2Fword@db/orders?lock_timeout=1&sslmode=disable",
		"host=db user=user password=p@ss/word dbname=orders lock_timeout=1",
	} {
		config, err := pgxpool.ParseConfig(withDatabaseLimits(given))
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		want := maps.Clone(databaseLimits)
		want["lock_timeout"] = "1"
		if got := config.ConnConfig.RuntimeParams; !maps.Equal(got, want) {
			t.Errorf("%s: got the parameters %v, want %v", given, got, want)
		}
		if c := config.ConnConfig; c.Host != "db" || c.User != "user" || c.Password != "p@ss/word" || c.Database != "orders" {
			t.Errorf("%s: got user %s, password %s, host %s and database %s, want them unchanged", given, c.User, c.Password, c.Host, c.Database)
		}
	}
}

func TestPublisherGetsTheLimitsItDoesNotSet(t *testing.T) {
	properties := map[string]string{"readtimeout": "1s", "brokers": "kafka:9092"}
	setBrokerLimits(properties)
	want := map[string]string{"readtimeout": "1s", "brokers": "kafka:9092", "dialTimeout": limit, "writeTimeout": limit}
	if !maps.Equal(properties, want) {
		t.Errorf("got %v, want %v", properties, want)
	}
}
