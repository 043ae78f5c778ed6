package event

import (
	"strings"

	"comanda/services"
)

// Announcers says which service announces what. From it follow the topics that must exist and, on a stock Dapr
// runtime, the internal topics of its outbox.
var Announcers = map[string][]string{
	"auth":    {CreatingUser.Name, CreatingUserCancelled.Name},
	"user":    {CreatingUserResponse.Name},
	"order":   {OrderCreatedPending.Name, OrderStatusChanged.Name},
	"product": {InventoryStockReserved.Name, InventoryStockFailed.Name},
}

// Consumers are the services that hear events; each has a dead-letter topic of its own.
var Consumers = services.Names

// DeadLetters names the topic that keeps what service could not process.
func DeadLetters(service string) string { return service + ".dead-letters" }

// Component names the Dapr state component that writes documents of the plain component and announces on topic.
// One component publishes to one topic, so each topic has its own (https://docs.dapr.io, "transactional outbox").
func Component(plain, topic string) string {
	return plain + "-" + strings.ReplaceAll(topic, ".", "-")
}

// Declared lists every topic that must exist before the system starts: a broker's auto-created topics have the wrong
// number of partitions, and some brokers have none.
func Declared() []string {
	var names []string
	for _, service := range services.Stateful {
		for _, topic := range Announcers[service] {
			names = append(names, topic, internalTopic(service, topic))
		}
	}
	for _, service := range Consumers {
		names = append(names, DeadLetters(service))
	}
	return names
}

// internalTopic is where the stock runtime's outbox keeps an event between commit and publish: namespace, app id and
// topic in one word. Our runtime keeps events as rows and leaves it empty.
func internalTopic(service, topic string) string { return "default" + service + topic + "outbox" }
