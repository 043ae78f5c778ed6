package servicetest

import (
	"flag"
	"testing"

	"pgregory.net/rapid"
)

// Interruption is where a handler of an event crashes.
type Interruption int

// The points at which a handler crashes. A crash inside a transaction leaves nothing behind, so it is the same as a retry after
// NoInterruption.
const (
	NoInterruption  Interruption = iota
	BeforeDocument               // after the service's own tables are written, before the document and its event are
	BeforeAnswer                 // after everything is written, before the event is acknowledged
	AfterFirstWrite              // after the first of several documents is written, before the handler goes on
	AfterSecondWrite
)

// MaxDeliveries bounds the deliveries of one case: an event that is still retried then will never be handled.
const MaxDeliveries = 200

// Interruptions generates interruptions; half of the deliveries have none.
func Interruptions() *rapid.Generator[Interruption] {
	return rapid.SampledFrom([]Interruption{NoInterruption, NoInterruption, NoInterruption, NoInterruption,
		BeforeDocument, BeforeAnswer, AfterFirstWrite, AfterSecondWrite})
}

// propertyChecks is the number of random cases of CheckProperty. Each uses a real database, so it is less than rapid's default.
const propertyChecks = "25"

// CheckProperty runs property on random cases, and shrinks a case that fails. The flag -rapid.checks sets another number of cases.
func CheckProperty(t *testing.T, property func(*rapid.T)) {
	t.Helper()
	if checks := flag.Lookup("rapid.checks"); checks.Value.String() == checks.DefValue {
		if err := flag.Set("rapid.checks", propertyChecks); err != nil {
			t.Fatal(err)
		}
	}
	rapid.Check(t, property)
}

// Interrupt makes the next delivery of an event crash at the given point. The caller calls the returned function after the delivery; it reports
// whether the event has to be delivered again, given the handler's result.
func (c *Sidecar) Interrupt(at Interruption) (again func(result string) bool) {
	switch at {
	case BeforeDocument:
		c.Away(true)
	case BeforeAnswer:
		c.LoseNextAnswer()
	case AfterFirstWrite, AfterSecondWrite:
		c.awayAfter(1 + int(at-AfterFirstWrite))
	}
	return func(result string) bool {
		c.mu.Lock()
		defer c.mu.Unlock()
		c.away, c.lose, c.writesLeft = false, false, 0 // a delivery that writes nothing loses no answer
		return result == "RETRY" || at == BeforeAnswer // the acknowledgement is lost as well
	}
}
