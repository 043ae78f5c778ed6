package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// poolCollector collects the metrics of the service's connection pool.
type poolCollector struct {
	*pgxpool.Pool
	connections, max, waited, acquired, canceled *prometheus.Desc
}

// RegisterPool registers the metrics of pool.
func RegisterPool(registry prometheus.Registerer, pool *pgxpool.Pool) {
	registry.MustRegister(poolCollector{
		Pool:        pool,
		connections: prometheus.NewDesc("comanda_db_connections", "Database connections by state.", []string{"state"}, nil),
		max:         prometheus.NewDesc("comanda_db_connections_max", "Maximum number of database connections.", nil, nil),
		waited: prometheus.NewDesc("comanda_db_acquire_wait_seconds_total",
			"Time that successful acquires waited because no connection was free.", nil, nil),
		acquired: prometheus.NewDesc("comanda_db_acquire_total", "Successful connection acquires.", nil, nil),
		canceled: prometheus.NewDesc("comanda_db_acquire_canceled_total", "Connection acquires that were canceled or timed out.", nil, nil),
	})
}

func (p poolCollector) Describe(descs chan<- *prometheus.Desc) {
	prometheus.DescribeByCollect(p, descs)
}

func (p poolCollector) Collect(metrics chan<- prometheus.Metric) {
	stat := p.Stat()
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	metrics <- prometheus.MustNewConstMetric(p.connections, gauge, float64(stat.AcquiredConns()), "acquired")
	metrics <- prometheus.MustNewConstMetric(p.connections, gauge, float64(stat.IdleConns()), "idle")
	metrics <- prometheus.MustNewConstMetric(p.connections, gauge, float64(stat.ConstructingConns()), "constructing")
	metrics <- prometheus.MustNewConstMetric(p.max, gauge, float64(stat.MaxConns()))
	metrics <- prometheus.MustNewConstMetric(p.waited, counter, stat.EmptyAcquireWaitTime().Seconds())
	metrics <- prometheus.MustNewConstMetric(p.acquired, counter, float64(stat.AcquireCount()))
	metrics <- prometheus.MustNewConstMetric(p.canceled, counter, float64(stat.CanceledAcquireCount()))
}

// Backlog is the number of items that wait and the time since which the oldest waits.
type Backlog struct {
	Count  int
	Oldest time.Time // meaningless when Count is 0
}

// Limits of a backlog's query: its timeout, and the time for which its result is cached.
const (
	queryTimeout  = time.Second
	queryInterval = time.Second
)

// backlogCollector queries a backlog when it is scraped, at most once per queryInterval.
type backlogCollector struct {
	query         func(context.Context) (Backlog, error)
	count, oldest *prometheus.Desc

	mu      sync.Mutex
	queried time.Time
	last    Backlog
	err     error
}

// RegisterBacklog registers a backlog as the gauges name and name_oldest_seconds. They are absent while query fails. All
// replicas of a service report the same values, because they query the same database.
func RegisterBacklog(registry prometheus.Registerer, name, help string, query func(context.Context) (Backlog, error)) {
	registry.MustRegister(&backlogCollector{
		query:  query,
		count:  prometheus.NewDesc(name, help, nil, nil),
		oldest: prometheus.NewDesc(name+"_oldest_seconds", "Age in seconds of the oldest in "+name+", 0 when there are none.", nil, nil),
	})
}

func (b *backlogCollector) Describe(descs chan<- *prometheus.Desc) {
	descs <- b.count
	descs <- b.oldest
}

// Collect implements prometheus.Collector. While the query fails, it reports nothing.
func (b *backlogCollector) Collect(metrics chan<- prometheus.Metric) {
	backlog, err := b.current()
	if err != nil { // not logged here: the app health check logs that the database does not answer
		return
	}
	age := 0.0
	if backlog.Count > 0 {
		age = max(0, time.Since(backlog.Oldest).Seconds())
	}
	metrics <- prometheus.MustNewConstMetric(b.count, prometheus.GaugeValue, float64(backlog.Count))
	metrics <- prometheus.MustNewConstMetric(b.oldest, prometheus.GaugeValue, age)
}

// current returns the backlog, cached for queryInterval.
func (b *backlogCollector) current() (Backlog, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.queried) >= queryInterval {
		ctx, cancel := context.WithTimeout(context.Background(), queryTimeout)
		defer cancel()
		b.last, b.err = b.query(ctx)
		b.queried = time.Now()
	}
	return b.last, b.err
}
