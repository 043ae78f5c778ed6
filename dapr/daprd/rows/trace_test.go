package rows

import (
	"testing"
	"time"

	"go.opentelemetry.io/otel"
	sdktrace "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/sdk/trace/tracetest"
)

func TestPublishDelayIsASpanInTheEventsTrace(t *testing.T) {
	spans := tracetest.NewInMemoryExporter()
	before := otel.GetTracerProvider()
	otel.SetTracerProvider(sdktrace.NewTracerProvider(sdktrace.WithSyncer(spans)))
	defer otel.SetTracerProvider(before)
	const trace, parent = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
	committed := time.Now().Add(-time.Minute)
	for event, traced := range map[string]bool{
		`{"traceparent":"00-` + trace + `-` + parent + `-01","traceid":"00-11111111111111111111111111111111-1111111111111111-01"}`: true,
		`{"traceid":"00-` + trace + `-` + parent + `-01"}`:                                                                         true,
		`{"traceparent":"00-` + trace + `-` + parent + `-00"}`:                                                                     false, // not sampled
		`{"traceparent":"nonsense"}`:                                                                                               false,
		`{"traceparent":7}`:                                                                                                        false,
		`{}`:                                                                                                                       false,
	} {
		spans.Reset()
		r := row{id: 1, createdAt: committed, to: orders}
		r.record.Event = []byte(event)
		b := &broker{}
		publish(t, newTestRelay(b), []row{r})
		got := spans.GetSpans()
		if len(b.sent) != 1 || len(got) != map[bool]int{true: 1}[traced] {
			t.Errorf("event %s: got events %v sent and spans %+v, want one and traced %v", event, b.sent, got, traced)
			continue
		}
		if !traced {
			continue
		}
		span := got[0]
		if span.Name != "outbox/orders" || span.SpanContext.TraceID().String() != trace || span.Parent.SpanID().String() != parent ||
			!span.StartTime.Equal(committed) || span.EndTime.Sub(committed) < time.Minute {
			t.Errorf("event %s: got span %+v, want outbox/orders in trace %s below %s, from %s for a minute or more", event, span, trace, parent, committed)
		}
	}
}
