package event

import (
	"slices"
	"strings"
	"time"

	"comanda/services"
)

// Publishers lists the topics that each service publishes to. It determines which topics must exist, including the internal
// topics of stock daprd's outbox. Several services may publish to one topic.
var Publishers = map[string][]string{
	"auth":    {CreatingUser.Name, CreatingUserCancelled.Name, DeletingUser.Name},
	"user":    {CreatingUserResponse.Name, DeletingUserResponse.Name},
	"order":   {OrderCreatedPending.Name, OrderStatusChanged.Name, DeletingUserResponse.Name},
	"product": {InventoryStockReserved.Name, InventoryStockFailed.Name},
}

// PublisherOf returns the service whose key must have signed an event of topic: the topic's publisher, or source if several services
// publish to the topic and source is one of them. It returns "" if there is none.
func PublisherOf(topic, source string) string {
	if slices.Contains(Publishers[source], topic) {
		return source
	}
	for _, service := range services.Names {
		if slices.Contains(Publishers[service], topic) {
			return service
		}
	}
	return ""
}

// Consumers lists the services that consume events. Each has its own dead-letter topic.
var Consumers = services.Names

// DeadLetters returns the name of the topic for the events that service could not handle.
func DeadLetters(service string) string { return service + ".dead-letters" }

// OutboxComponent returns the name of the Dapr state component that writes the documents of the plain component and publishes to
// topic. A component publishes to one topic, so each topic has its own (https://docs.dapr.io, "transactional outbox").
func OutboxComponent(plain, topic string) string {
	return plain + "-" + strings.ReplaceAll(topic, ".", "-")
}

// Declared lists every topic that must exist before the system starts. A topic that a broker creates by itself has the wrong
// number of partitions, and some brokers create none.
func Declared() []string {
	var names []string
	for _, service := range services.Stateful {
		for _, topic := range Publishers[service] {
			if !slices.Contains(names, topic) {
				names = append(names, topic)
			}
			names = append(names, internalTopic(service, topic))
		}
	}
	for _, service := range Consumers {
		names = append(names, DeadLetters(service))
	}
	return names
}

// shortRetentions has the topics with personal data: those of creating.user, and the dead letters of its consumer. A registration is
// decided or given up within minutes, so an event of a day ago is of no use. The dead letters stay over a weekend, to be examined.
var shortRetentions = map[string]time.Duration{
	CreatingUser.Name:                        24 * time.Hour,
	internalTopic("auth", CreatingUser.Name): 24 * time.Hour,
	DeadLetters("user"):                      72 * time.Hour,
}

// Retention returns how long a topic keeps its events. 0 means the broker's default.
func Retention(topic string) time.Duration { return shortRetentions[topic] }

// internalTopic returns the topic in which stock daprd's outbox keeps an event between commit and publish. Its name joins
// namespace, app id and topic. Our daprd keeps events as outbox rows and leaves this topic empty.
func internalTopic(service, topic string) string { return "default" + service + topic + "outbox" }
