package event

import (
	"slices"
	"strings"
	"time"

	"comanda/services"
)

// Publishers lists the topics that each service publishes to. Declared derives from it which topics must exist. Several services may
// publish to one topic.
var Publishers = map[string][]string{
	"auth":    {CreatingUser.Name, CreatingUserCancelled.Name, DeletingUser.Name},
	"user":    {CreatingUserResponse.Name, DeletingUserResponse.Name},
	"order":   {OrderCreatedPending.Name, OrderStatusChanged.Name, DeletingUserResponse.Name},
	"product": {InventoryStockReserved.Name, InventoryStockFailed.Name},
}

// PublisherOf returns the service whose key must have signed an event of topic: the topic's publisher, or source if several services
// publish to the topic and source is one of them. It returns "" if no service publishes to the topic.
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

// Consumers lists the services that consume events. Each has its own dead-letter topic. The stateful ones store its records in a table. The
// gateway stores none: its live tracking has nothing to catch up with.
var Consumers = services.Names

// DeadLetters returns the name of the topic for the events that service could not handle.
func DeadLetters(service string) string { return service + ".dead-letters" }

// OutboxComponent returns the name of the Dapr state component that writes the same documents as the component plain and publishes to
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

// Forever is the retention of a topic that never deletes an event.
const Forever time.Duration = -1

// retentions lists the topics whose retention is not the broker's default. Topics with personal data keep it only briefly: creating.user,
// and the dead letters of its consumer. A registration is decided or given up within minutes, so a day is enough. The dead letters of
// auth, order and product have no personal data, and stay until the service has stored them, even after weeks.
var retentions = map[string]time.Duration{
	CreatingUser.Name:                        24 * time.Hour,
	internalTopic("auth", CreatingUser.Name): 24 * time.Hour,
	DeadLetters("user"):                      72 * time.Hour,
	DeadLetters("auth"):                      Forever,
	DeadLetters("order"):                     Forever,
	DeadLetters("product"):                   Forever,
}

// Retention returns how long a topic keeps its events. 0 means the broker's default.
func Retention(topic string) time.Duration { return retentions[topic] }

// internalTopic returns the topic in which unmodified daprd's outbox keeps an event between commit and publish. Its name joins
// namespace, app id and topic. Our daprd keeps events as outbox rows and leaves this topic empty.
func internalTopic(service, topic string) string { return "default" + service + topic + "outbox" }
