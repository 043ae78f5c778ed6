package rows

import (
	"sync"
	"time"

	"go.opencensus.io/metric"
	"go.opencensus.io/metric/metricdata"
	"go.opencensus.io/metric/metricproducer"
)

// sharedInstruments returns the instruments of this process. They appear beside Dapr's own metrics, as dapr_outbox_...
var sharedInstruments = sync.OnceValue(newInstruments)

type instruments struct {
	waiting, dead               *metric.Int64Gauge
	oldest                      *metric.Float64Gauge
	published, failed, setAside *metric.Int64Cumulative
}

func newInstruments() *instruments {
	registry := metric.NewRegistry()
	metricproducer.GlobalManager().AddProducer(registry)
	ofTable := metric.WithLabelKeys("app_id", "table")
	ofTopic := metric.WithLabelKeys("app_id", "table", "component", "topic")
	var m instruments
	// The only possible errors are a duplicate name and a wrong number of labels.
	m.waiting, _ = registry.AddInt64Gauge("outbox_rows_waiting", ofTable,
		metric.WithDescription("Committed events that are not published yet."))
	m.oldest, _ = registry.AddFloat64Gauge("outbox_oldest_waiting_seconds", ofTable,
		metric.WithDescription("Age of the oldest committed event that is not published yet, in seconds."))
	m.dead, _ = registry.AddInt64Gauge("outbox_rows_dead", ofTable,
		metric.WithDescription("Events set aside because no broker will ever accept them, and neither released nor deleted yet."))
	m.published, _ = registry.AddInt64Cumulative("outbox_published_count", ofTopic,
		metric.WithDescription("Events published by this sidecar."))
	m.failed, _ = registry.AddInt64Cumulative("outbox_failed_count", ofTopic,
		metric.WithDescription("Failed attempts to publish an event. Most are retried."))
	m.setAside, _ = registry.AddInt64Cumulative("outbox_set_aside_count", ofTopic,
		metric.WithDescription("Events set aside by this sidecar because no broker will ever accept them."))
	return &m
}

// tableMetrics are the instruments with the labels of one table.
type tableMetrics struct {
	*instruments
	labels []metricdata.LabelValue
}

func newTableMetrics(appID, table string) *tableMetrics {
	return &tableMetrics{sharedInstruments(), []metricdata.LabelValue{metricdata.NewLabelValue(appID), metricdata.NewLabelValue(table)}}
}

func (m *tableMetrics) setBacklog(b backlog) {
	if entry, err := m.waiting.GetEntry(m.labels...); err == nil {
		entry.Set(b.Waiting)
	}
	if entry, err := m.dead.GetEntry(m.labels...); err == nil {
		entry.Set(b.SetAside)
	}
	if entry, err := m.oldest.GetEntry(m.labels...); err == nil {
		entry.Set(b.Oldest.Round(time.Millisecond).Seconds())
	}
}

func (m *tableMetrics) countAttempts(to destination, published, failed int) {
	m.add(m.published, to, published)
	m.add(m.failed, to, failed)
}

// countSetAside counts and logs the rows that a turn set aside.
func (m *tableMetrics) countSetAside(refused []refusal) {
	for _, r := range refused {
		m.add(m.setAside, r.row.to, 1)
		log.Errorf("event set aside as %s%s, release or delete it (dapr/daprd/README.md): %v", deadPrefix, r.row.key[len(duePrefix):], r.reason)
	}
}

func (m *tableMetrics) add(counter *metric.Int64Cumulative, to destination, n int) {
	labels := append(m.labels[:len(m.labels):len(m.labels)], metricdata.NewLabelValue(to.pubsub), metricdata.NewLabelValue(to.topic))
	if entry, err := counter.GetEntry(labels...); err == nil {
		entry.Inc(int64(n))
	}
}
