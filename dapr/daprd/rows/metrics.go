package rows

import (
	"sync"
	"time"

	"go.opencensus.io/metric"
	"go.opencensus.io/metric/metricdata"
	"go.opencensus.io/metric/metricproducer"
)

// metrics appear beside Dapr's own, as dapr_outbox_...; they belong to the process, as Dapr's do.
var metrics = sync.OnceValue(newMetrics)

type instruments struct {
	waiting, dead              *metric.Int64Gauge
	oldest                     *metric.Float64Gauge
	published, failed, refused *metric.Int64Cumulative
}

func newMetrics() *instruments {
	registry := metric.NewRegistry()
	metricproducer.GlobalManager().AddProducer(registry)
	ofTable := metric.WithLabelKeys("app_id", "table")
	ofTopic := metric.WithLabelKeys("app_id", "table", "component", "topic")
	var m instruments
	// The only errors are two metrics of one name, and a wrong number of labels.
	m.waiting, _ = registry.AddInt64Gauge("outbox_rows_waiting", ofTable,
		metric.WithDescription("Events committed and not yet published."))
	m.oldest, _ = registry.AddFloat64Gauge("outbox_oldest_waiting_seconds", ofTable,
		metric.WithDescription("Age of the event that waits longest."))
	m.dead, _ = registry.AddInt64Gauge("outbox_rows_dead", ofTable,
		metric.WithDescription("Events set aside because they can never be published, until a person releases or deletes them."))
	m.published, _ = registry.AddInt64Cumulative("outbox_published_count", ofTopic,
		metric.WithDescription("Events published."))
	m.failed, _ = registry.AddInt64Cumulative("outbox_failed_count", ofTopic,
		metric.WithDescription("Attempts to publish an event that failed; most are tried again."))
	m.refused, _ = registry.AddInt64Cumulative("outbox_set_aside_count", ofTopic,
		metric.WithDescription("Events set aside because they can never be published."))
	return &m
}

// tableMetrics are the instruments with one table's labels.
type tableMetrics struct {
	*instruments
	labels []metricdata.LabelValue
}

func metricsOf(appID, table string) *tableMetrics {
	return &tableMetrics{metrics(), []metricdata.LabelValue{metricdata.NewLabelValue(appID), metricdata.NewLabelValue(table)}}
}

func (m *tableMetrics) backlog(b backlog) {
	if entry, err := m.waiting.GetEntry(m.labels...); err == nil {
		entry.Set(b.Waiting)
	}
	if entry, err := m.dead.GetEntry(m.labels...); err == nil {
		entry.Set(b.Dead)
	}
	if entry, err := m.oldest.GetEntry(m.labels...); err == nil {
		entry.Set(b.Oldest.Round(time.Millisecond).Seconds())
	}
}

func (m *tableMetrics) count(to destination, published, failed int) {
	m.add(m.published, to, published)
	m.add(m.failed, to, failed)
}

func (m *tableMetrics) setAside(refused []refusal) {
	for _, r := range refused {
		m.add(m.refused, r.row.to, 1)
		log.Errorf("event set aside as %s%s: %v", deadPrefix, r.row.key[len(duePrefix):], r.reason)
	}
}

func (m *tableMetrics) add(counter *metric.Int64Cumulative, to destination, n int) {
	labels := append(m.labels[:len(m.labels):len(m.labels)], metricdata.NewLabelValue(to.pubsub), metricdata.NewLabelValue(to.topic))
	if entry, err := counter.GetEntry(labels...); err == nil {
		entry.Inc(int64(n))
	}
}
