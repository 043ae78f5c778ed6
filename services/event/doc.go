// Package event is the contract between the services: every topic, its payload, its publisher and its consumers. The whole
// module may import it. It imports only the services' names.
//
// Events are CloudEvents 1.0 (https://github.com/cloudevents/spec) with JSON data. An event's type is the topic's name and a
// version; its subject is the id of its aggregate. Events arrive at least once and in no order, so every payload carries the
// aggregate's version, and every handler must be correct under duplicates, reordering and delay.
//
// Two steps of an event are configuration: components/*.yaml has the component that publishes a topic (OutboxComponent returns its
// name), and dapr/subscriptions/<consumer>.yaml has the subscription that routes the topic to the consumer's handler.
package event
