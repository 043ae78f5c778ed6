package main

import (
	"context"
	"maps"
	"net"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/dapr/components-contrib/metadata"
	"github.com/dapr/components-contrib/pubsub"
	"github.com/dapr/kit/logger"
)

func TestConnectionStringGetsTheSettingsItDoesNotHave(t *testing.T) {
	for _, given := range []string{
		"postgres://user:p%40ss%2Fword@db:5432/orders?lock_timeout=1", "postgresql://user:p%40ss%2Fword@db/orders?lock_timeout=1&sslmode=disable",
		"host=db user=user password=p@ss/word dbname=orders lock_timeout=1",
	} {
		config, err := pgxpool.ParseConfig(withDatabaseSettings(given))
		if err != nil {
			t.Errorf("%s: %v", given, err)
			continue
		}
		want := maps.Clone(databaseSettings)
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
	want := map[string]string{"readtimeout": "1s", "brokers": "kafka:9092", "dialTimeout": brokerLimit, "writeTimeout": brokerLimit}
	if !maps.Equal(properties, want) {
		t.Errorf("got %v, want %v", properties, want)
	}
}

// A broker accepts connections but answers nothing. Init closes a connection after brokerLimits and tries another one.
func TestPublisherDropsASilentConnection(t *testing.T) {
	before := brokerLimits
	defer func() { brokerLimits = before }()
	brokerLimits = map[string]string{"dialTimeout": "300ms", "readTimeout": "300ms", "writeTimeout": "300ms"}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = listener.Close() }()
	accepted := make(chan time.Time, 100)
	go func() {
		for {
			connection, err := listener.Accept()
			if err != nil {
				return
			}
			defer func() { _ = connection.Close() }()
			accepted <- time.Now()
		}
	}()
	ctx, cancel := context.WithCancel(t.Context())
	component := newKafka(logger.NewLogger("test"))
	initialised := make(chan struct{})
	go func() {
		defer close(initialised)
		_ = component.Init(ctx, pubsub.Metadata{Base: metadata.Base{Name: "pubsub", Properties: map[string]string{
			"brokers": listener.Addr().String(), "authType": "none", "disableTls": "true",
		}}})
	}()
	began := <-accepted
	select {
	case again := <-accepted:
		t.Logf("the next connection was opened after %s", again.Sub(began).Round(time.Millisecond))
	case <-time.After(5 * time.Second):
		t.Error("the publisher still waits for a silent broker after 5s")
	}
	cancel()
	_ = listener.Close()
	<-initialised
}
