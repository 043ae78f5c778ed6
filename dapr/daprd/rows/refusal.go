package rows

import (
	"errors"

	"github.com/IBM/sarama"
	"github.com/eapache/go-resiliency/breaker"
)

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
	// topicMissing: the topic is not there; it may be a broker that is just starting, so it counts once it has
	// lasted for some time.
	topicMissing
	// noAnswer: the client has not asked, after earlier failures.
	noAnswer
)

// judge knows Kafka's errors. All others mean brokerAway, a component that is not loaded among them: safe, though a row
// that some other broker refuses for good then holds up the later ones of its subject.
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
	case errors.Is(err, sarama.ErrUnknownTopicOrPartition):
		return topicMissing
	case errors.Is(err, breaker.ErrBreakerOpen):
		return noAnswer
	default:
		return brokerAway
	}
}
