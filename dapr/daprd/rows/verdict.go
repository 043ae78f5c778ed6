package rows

import (
	"errors"

	"github.com/IBM/sarama"
	"github.com/eapache/go-resiliency/breaker"
)

// verdict is the conclusion about a row from the error of its publish. A row is set aside only when the row itself is surely at fault:
// while a broker is away every publish fails, and no event may be given up for that.
type verdict int

const (
	accepted verdict = iota
	// brokerAway: retry for as long as it takes.
	brokerAway
	// rowRefused: the broker will never accept this row. The error concerns no other row, because each row is sent alone.
	rowRefused
	// topicRefused: the broker will never accept any row for this topic.
	topicRefused
	// topicMissing: the topic does not exist. A starting broker reports this too, so it counts only after missingTopicGrace.
	topicMissing
	// notAttempted: the client sent nothing, because its circuit breaker is open after earlier failures.
	notAttempted
)

// classify translates an error of Kafka into a verdict. Every other error means brokerAway, even that a component is not loaded. That is
// safe, but if another kind of broker refuses a row for good, the row holds up the later rows of its subject.
func classify(err error) verdict {
	var configuration sarama.ConfigurationError // "larger than configured Producer.MaxMessageBytes"
	switch {
	case err == nil:
		return accepted
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
		return notAttempted
	default:
		return brokerAway
	}
}
