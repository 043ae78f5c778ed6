package scenario

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services"
	"comanda/services/comanda/kafka"
	"comanda/services/comanda/reconcile"
	"comanda/services/event"
)

// Invariants checks the system's invariants in its databases and its broker.
type Invariants struct {
	// Database returns the connection string of a service's database.
	Database func(service string) string
	// Kafka are the options of a client that reaches the broker.
	Kafka []kgo.Opt
	// Known is the number of dead letters of each service that the test caused itself.
	Known map[string]int64
}

// Want waits until every event is published and order and product agree, and checks the invariants. For every product, the stock that came in equals the stock
// that is available, reserved or sold, and none of them is negative. Every order has the reservation that its status requires.
// No event waits in an outbox, and there is no unknown dead letter.
func (inv Invariants) Want(t testing.TB) {
	t.Helper()
	EventuallyWithin(t, OutageTimeout, "every event is published, and none failed", inv.CheckNothingLeft)
	EventuallyWithin(t, SagaTimeout, "order and product agree", func(ctx context.Context) error {
		if err := inv.CheckStockLaw(ctx); err != nil {
			t.Fatal(err) // the stock law holds at all times, so waiting cannot help
		}
		return inv.CheckAgreement(ctx)
	})
}

// CheckStockLaw checks the stock of every product.
func (inv Invariants) CheckStockLaw(ctx context.Context) error {
	return inv.reconcile(ctx, reconcile.Databases.StockLaw, "product")
}

// CheckAgreement checks that every order has a reservation in the state that its status requires, and every reservation an order.
func (inv Invariants) CheckAgreement(ctx context.Context) error {
	return inv.reconcile(ctx, reconcile.Databases.Reservations, "order", "product")
}

// reconcile runs a check of `comanda reconcile`, but without its pause: it also compares aggregates that have just changed.
func (inv Invariants) reconcile(
	ctx context.Context, check func(reconcile.Databases, context.Context, time.Duration) ([]reconcile.Problem, error), services ...string,
) error {
	databases, err := reconcile.Connect(ctx, inv.Database, services...)
	if err != nil {
		return err
	}
	defer databases.Close()
	problems, err := check(databases, ctx, -time.Hour)
	for _, p := range problems {
		err = errors.Join(err, errors.New(p.Detail))
	}
	return err
}

// Orders returns the status of every order by id.
func (inv Invariants) Orders(ctx context.Context) (map[string]string, error) {
	return queryPairs(ctx, inv.Database("order"), `select substr(key, length('order-') + 1), status from orders`)
}

// CheckNothingLeft checks that every event was published and none failed: no outbox has rows, and all dead letters are known. An event may
// still be on its way to a consumer.
func (inv Invariants) CheckNothingLeft(ctx context.Context) error {
	if err := inv.AwaitEmptyOutboxes(ctx); err != nil {
		return err
	}
	dead, err := inv.DeadLetters(ctx)
	for service, n := range dead {
		if err == nil && n != inv.Known[service] {
			err = fmt.Errorf("%s: got %d dead letters, want %d", service, n, inv.Known[service])
		}
	}
	return err
}

// AwaitEmptyOutboxes waits until every outbox is empty. It fails when ctx ends first.
func (inv Invariants) AwaitEmptyOutboxes(ctx context.Context) error {
	for _, service := range event.Consumers {
		if service == "gateway" { // has no database
			continue
		}
		for pause := 10 * time.Millisecond; ; pause *= 2 {
			rows, err := Query(ctx, inv.Database(service), `select key from state where key like 'outbox-%'`)
			if err == nil && len(rows) == 0 {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("outbox rows of %s: got %d (error %w), want 0: %v", service, len(rows), err, rows)
			case <-time.After(pause):
			}
		}
	}
	return nil
}

// DeadLetters returns the number of dead letters of each service: the unhandled letters in its table or, for the gateway, which has no
// table, all records on its topic.
func (inv Invariants) DeadLetters(ctx context.Context) (map[string]int64, error) {
	dead := map[string]int64{}
	for _, service := range services.Stateful {
		ids, err := Query(ctx, inv.Database(service), `select id::text from dead_letters where ended_at is null`)
		if err != nil {
			return nil, err
		}
		dead[service] = int64(len(ids))
	}
	broker, err := kgo.NewClient(inv.Kafka...)
	if err != nil {
		return nil, err
	}
	defer broker.Close()
	ends, err := kafka.EndOffsets(ctx, kadm.NewClient(broker), event.DeadLetters("gateway"))
	if err != nil {
		return nil, err
	}
	ends.Each(func(o kadm.ListedOffset) { dead["gateway"] += o.Offset })
	return dead, nil
}

// Query runs a query that returns one text column.
func Query(ctx context.Context, url, sql string) ([]string, error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, _ := conn.Query(ctx, sql)
	return pgx.CollectRows(rows, pgx.RowTo[string])
}

// queryPairs runs a query that returns a UUID and a text in each row. It returns the texts by UUID.
func queryPairs(ctx context.Context, url, sql string) (map[string]string, error) {
	lines, err := Query(ctx, url, `select a || ' ' || b from (`+sql+`) as pairs(a, b)`)
	found := map[string]string{}
	for _, line := range lines {
		found[line[:36]] = line[37:]
	}
	return found, err
}
