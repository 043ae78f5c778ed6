package main

import (
	"cmp"
	"context"
	"fmt"
	"strings"

	"comanda/services/comanda/kafka"
	"comanda/services/event"
)

// setKafkaRights gives every user of Kafka exactly the rights that it needs. It runs with the credentials of an administrator. A
// service's user has the service's name unless ORDER_KAFKA_SASL_USERNAME and the like say otherwise.
func setKafkaRights(ctx context.Context, c call) error {
	client, _, err := connectKafka(c.environ)
	if err != nil {
		return err
	}
	defer client.Close()
	ctx, cancel := context.WithTimeout(ctx, topicsTimeout)
	defer cancel()
	users := map[string][]event.Right{}
	for part, rights := range event.AllRights() {
		user := cmp.Or(c.environ[settingOf(strings.ReplaceAll(part, "-", "_"), "KAFKA_SASL_USERNAME")], part)
		users[user] = append(users[user], rights...)
	}
	added, removed, err := kafka.SetRights(ctx, client, users)
	if err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.stdout, "%d users have their rights: %d added, %d removed\n", len(users), added, removed)
	return nil
}
