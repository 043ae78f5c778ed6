package telemetry

import (
	"context"
	"sync"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/prometheus/client_golang/prometheus"
)

// pool shows the connections to the service's database.
type pool struct {
	*pgxpool.Pool
	connections, most, waited, acquired, canceled *prometheus.Desc
}

// RegisterPool makes registry show p.
func RegisterPool(registry prometheus.Registerer, p *pgxpool.Pool) {
	registry.MustRegister(pool{
		Pool:        p,
		connections: prometheus.NewDesc("comanda_db_connections", "Connections to the database, by what they do.", []string{"state"}, nil),
		most:        prometheus.NewDesc("comanda_db_connections_max", "Connections that there may be at most.", nil, nil),
		waited:      prometheus.NewDesc("comanda_db_acquire_wait_seconds_total", "Time that was waited for connections because none was free, by those who got one.", nil, nil),
		acquired:    prometheus.NewDesc("comanda_db_acquire_total", "How often a connection was had.", nil, nil),
		canceled:    prometheus.NewDesc("comanda_db_acquire_canceled_total", "How often it was waited for a connection in vain, until time was up.", nil, nil),
	})
}

func (p pool) Describe(descs chan<- *prometheus.Desc) { prometheus.DescribeByCollect(p, descs) }

func (p pool) Collect(found chan<- prometheus.Metric) {
	stat := p.Stat()
	gauge, counter := prometheus.GaugeValue, prometheus.CounterValue
	found <- prometheus.MustNewConstMetric(p.connections, gauge, float64(stat.AcquiredConns()), "acquired")
	found <- prometheus.MustNewConstMetric(p.connections, gauge, float64(stat.IdleConns()), "idle")
	found <- prometheus.MustNewConstMetric(p.connections, gauge, float64(stat.ConstructingConns()), "constructing")
	found <- prometheus.MustNewConstMetric(p.most, gauge, float64(stat.MaxConns()))
	found <- prometheus.MustNewConstMetric(p.waited, counter, stat.EmptyAcquireWaitTime().Seconds())
	found <- prometheus.MustNewConstMetric(p.acquired, counter, float64(stat.AcquireCount()))
	found <- prometheus.MustNewConstMetric(p.canceled, counter, float64(stat.CanceledAcquireCount()))
}

// Backlog is how much waits for an answer, and since when the oldest of it does.
type Backlog struct {
	Count  int
	Oldest time.Time // of no meaning when Count is 0
}

// How the database is asked for a backlog: not for long, and not again for every reader.
const (
	askTimeout = time.Second
	askEvery   = time.Second
)

// backlog shows what waits, asked for when somebody wants to know.
type backlog struct {
	ask           func(context.Context) (Backlog, error)
	count, oldest *prometheus.Desc

	mu    sync.Mutex
	asked time.Time
	last  Backlog
	err   error
}

// RegisterBacklog makes registry show a backlog as the gauges name and name_oldest_seconds. While ask fails there are none. All
// replicas of a service show the same, because they ask the same database.
func RegisterBacklog(registry prometheus.Registerer, name, help string, ask func(context.Context) (Backlog, error)) {
	registry.MustRegister(&backlog{
		ask:    ask,
		count:  prometheus.NewDesc(name, help, nil, nil),
		oldest: prometheus.NewDesc(name+"_oldest_seconds", help+" The age of the oldest, 0 when there are none.", nil, nil),
	})
}

func (b *backlog) Describe(descs chan<- *prometheus.Desc) { descs <- b.count; descs <- b.oldest }

func (b *backlog) Collect(found chan<- prometheus.Metric) {
	now, err := b.now()
	if err != nil { // that the database does not answer is said elsewhere
		return
	}
	age := 0.0
	if now.Count > 0 {
		age = max(0, time.Since(now.Oldest).Seconds())
	}
	found <- prometheus.MustNewConstMetric(b.count, prometheus.GaugeValue, float64(now.Count))
	found <- prometheus.MustNewConstMetric(b.oldest, prometheus.GaugeValue, age)
}

func (b *backlog) now() (Backlog, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if time.Since(b.asked) >= askEvery {
		ctx, cancel := context.WithTimeout(context.Background(), askTimeout)
		defer cancel()
		b.last, b.err = b.ask(ctx)
		b.asked = time.Now()
	}
	return b.last, b.err
}
