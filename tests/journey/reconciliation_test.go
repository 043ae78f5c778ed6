package journey

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// execute runs SQL on a service's database.
func execute(t *testing.T, sys *system.System, service, sql string) {
	t.Helper()
	connection, err := pgx.Connect(t.Context(), sys.DatabaseURL(service))
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = connection.Close(context.WithoutCancel(t.Context())) }()
	if _, err := connection.Exec(t.Context(), sql); err != nil {
		t.Fatal(err)
	}
}

// loseEvents makes a service's events of one topic vanish after their commit, as when the broker loses the topic.
func loseEvents(t *testing.T, sys *system.System, service, topic string) {
	t.Helper()
	execute(t, sys, service, `
		create function lose_event() returns trigger language plpgsql as $$
		begin
			delete from state where key = new.key;
			return null;
		end $$;
		create trigger lose_event after insert on state for each row
			when (new.key like 'outbox-due||%||`+topic+`||%') execute function lose_event();`)
}

// awaitHandled waits until a service has handled all events of its topics and the broker knows that, so that a restart repeats none.
func awaitHandled(t *testing.T, sys *system.System, service string) {
	t.Helper()
	options := scenario.Try(sys.Kafka.Settings().ClientOptions()).OrFail(t)
	broker := scenario.Try(kgo.NewClient(options...)).OrFail(t)
	defer broker.Close()
	scenario.Eventually(t, service+" has handled its events", func(ctx context.Context) error {
		lags, err := kadm.NewClient(broker).Lag(ctx, service)
		if err != nil {
			return err
		}
		lag, ok := lags[service]
		if !ok {
			return fmt.Errorf("the broker does not know the group %s", service)
		}
		if err := errors.Join(lag.Error(), lag.FetchErr); err != nil {
			return err
		}
		if left := lag.Lag.Total(); left > 0 || len(lag.Lag) == 0 {
			return fmt.Errorf("%d events of %d topics are left", left, len(lag.Lag))
		}
		return nil
	})
}

// copyTables copies tables of a service's database for restoreTables.
func copyTables(t *testing.T, sys *system.System, service string, tables ...string) {
	t.Helper()
	for _, table := range tables {
		execute(t, sys, service, `create table older_`+table+` as select * from `+table)
	}
}

// restoreTables restores tables as they were at copyTables, while service and sidecar are stopped, and starts the two again.
func restoreTables(t *testing.T, sys *system.System, service string, tables ...string) {
	t.Helper()
	for _, program := range sys.Pair(service).Programs() {
		program.Kill()
	}
	sql := `truncate ` + strings.Join(tables, ", ") + `;`
	for i := range tables { // the tables that others refer to are last
		table := tables[len(tables)-1-i]
		sql += `insert into ` + table + ` select * from older_` + table + `;`
	}
	execute(t, sys, service, sql)
	if err := sys.StartMissing(t.Context()); err != nil {
		t.Fatal(err)
	}
	scenario.EventuallyWithin(t, scenario.OutageTimeout, "all services are ready again", sys.Ready)
}

// wantProfile waits until the profile of an account is as wanted: its status and, after a space, its phone if it has one.
func wantProfile(t *testing.T, sys *system.System, account, want string) {
	t.Helper()
	scenario.Eventually(t, "the profile is "+want, func(ctx context.Context) error {
		got, err := scenario.Query(ctx, sys.DatabaseURL("user"), `select (doc(value)->>'status') || coalesce(' ' || (doc(value)->>'phone'), '')
			from state where key = 'profile-`+account+`'`)
		if err == nil && (len(got) != 1 || got[0] != want) {
			err = fmt.Errorf("got %v", got)
		}
		return err
	})
}

// Final events are published only once. When the broker loses them, the reconciliation of product and of user finds out, and so it does
// when the database of the service order is restored from a copy that does not know an order.
func TestLostFinalEventsAreReconciled(t *testing.T) {
	t.Parallel()
	sys := system.Start(t, system.Options{Settings: map[string]string{
		"RECONCILE_AFTER": "2s", "RECONCILE_EVERY": "200ms", "RECONCILE_UNKNOWN_AFTER": "3s",
		"RECOVERY_AFTER": "500ms", "RECOVERY_EVERY": "200ms", "RECOVERY_GIVE_UP": "3s",
	}})
	s := newScenario(t, sys)
	ctx, ana, cook, dish := t.Context(), s.Customer(), s.Staff(), s.Dish(10, 700)
	cancelled, delivered := s.PlaceConfirmed(ana, scenario.Basket(dish, 1)), s.PlaceConfirmed(ana, scenario.Basket(dish, 2))
	copyTables(t, sys, "product", "reservation_lines", "reservations", "stock", "state")
	open := s.PlaceConfirmed(ana, scenario.Basket(dish, 3))
	copyTables(t, sys, "order", "state")

	loseEvents(t, sys, "order", "order.status.changed")
	forgotten := scenario.Try(ana.Order(ctx, scenario.Basket(dish, 4))).OrFail(t)
	s.WantStatus(ana, forgotten.ID, client.Confirmed)
	s.WantStock(dish, 0, 10, 0)
	scenario.Try(ana.Cancel(ctx, cancelled.ID, "")).OrFail(t)
	for _, step := range kitchenSteps {
		scenario.Try(cook.Advance(ctx, delivered.ID, step)).OrFail(t)
	}
	s.WantStock(dish, 1, 7, 2)

	// The service order is restored from the copy above: the last order never existed, and the others are CONFIRMED again. The kitchen repeats its
	// steps. Their events are lost too, so that product can learn of them only by reconciliation. An event that is repeated after the restore
	// would be a dead letter for good if its order never existed.
	awaitHandled(t, sys, "order")
	restoreTables(t, sys, "order", "state")
	s.WantStock(dish, 5, 3, 2)
	scenario.Eventually(t, "the cancelled order is cancelled again", func(ctx context.Context) error {
		got, err := ana.GetOrder(ctx, cancelled.ID, 0)
		if err == nil && got.Status != client.Cancelled {
			err = fmt.Errorf("it is %s", got.Status)
		}
		return err
	})
	for _, step := range kitchenSteps {
		scenario.Try(cook.Advance(ctx, delivered.ID, step)).OrFail(t)
	}

	// Product is restored from its older copy, which has no reservation of the open order.
	awaitHandled(t, sys, "product")
	restoreTables(t, sys, "product", "reservation_lines", "reservations", "stock", "state")
	s.WantStock(dish, 5, 3, 2)
	s.WantStatus(ana, open.ID, client.Confirmed)
	wantInvariants(t, sys)

	// Auth never gets the outcome of a profile and gives the registration up; then its cancellation is lost.
	loseEvents(t, sys, "user", "creating.user.response")
	loseEvents(t, sys, "auth", "creating.user.cancelled")
	person := scenario.NewPerson()
	begun := scenario.Try(s.Anonymous.Register(ctx, person)).OrFail(t)
	wantProfile(t, sys, begun.UserID, "CANCELLED")
	wantMetrics(t, sys, "product", map[string]between{
		`comanda_reconciled_total{step="ended"}`: {1, 1}, `comanda_reconciled_total{step="completed"}`: {1, 1}, // since its restart
	})
	wantMetrics(t, sys, "user", map[string]between{
		`comanda_reconciled_total{step="ended"}`: {1, 1}, `comanda_reconciled_total{step="unknown"}`: {0, 0},
	})
}
