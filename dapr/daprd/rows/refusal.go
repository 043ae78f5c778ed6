package rows

import (
	"errors"

	"github.com/IBM/sarama"
	"github.com/eapache/go-resiliency/breaker"
)

// ErrNoDestination marks a publish that failed before any broker was asked: the pub/sub component is not loaded, or the
// app may not publish to the topic.
var ErrNoDestination = errors.New("no such destination")

// verdict is what a failed publish says of the row. Only what is surely the row's own fault sets it aside: with a broker
// away every publish fails, and no event may be given up for that.
type verdict int

const (
	// brokerAway: try again later, for ever.
	brokerAway verdict = iota
	// rowRefused: the broker will never take this one, if it says so of the row alone.
	rowRefused
	// topicRefused: the broker will never take anything for this topic.
	topicRefused
	// topicMissing: the topic, or the component, is not there; it may be a broker that is just starting, so it counts
	// once it has lasted for some time.
	topicMissing
	// noAnswer: the client did not ask.
	noAnswer
)

// judge knows Kafka's errors. Those of other brokers mean brokerAway: safe, but then a row they refuse holds up its subject.
func judge(err error) verdict {
	var configuration sarama.ConfigurationError // "larger than configured Producer.MaxMessageBytes"
	switch {
	case errors.As(err, &configuration),
		errors.Is(err, sarama.ErrMessageSizeTooLarge),
		errors.Is(err, sarama.ErrMessageSetSizeTooLarge),
		errors.Is(err, sarama.ErrInvalidRecord):
		return rowRefused
	case errors.Is(err, sarama.ErrInvalidTopic):
		return topicRefused
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition), errors.Is(err, ErrNoDestination):
		return topicMissing
	case errors.Is(err, breaker.ErrBreakerOpen):
		return noAnswer
	default:
		return brokerAway
	}
}
