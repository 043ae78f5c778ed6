//go:build compose

package compose

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services/event"
	"comanda/tests/client"
	"comanda/tests/scenario"
)

// unreadableEvents publishes three records that end as dead letters of product. Its sidecar cannot parse the first two, and product
// rejects the data of the third. The second also goes to the gateway, whose dead letter stays on its topic. The undo deletes those of
// product.
func unreadableEvents(t *testing.T, sys *stack) func() {
	broker := scenario.Try(sys.kafkaClient()).OrFail(t)
	defer broker.Close()
	for _, record := range []*kgo.Record{
		{Topic: event.OrderCreatedPending.Name, Value: []byte(`this is no event`)},
		{Topic: event.OrderStatusChanged.Name, Value: []byte(`this is no event`)},
		{Topic: event.OrderCreatedPending.Name, Value: []byte(`{"specversion":"1.0","id":"garbage","source":"test",
		"type":"order.created.pending.v1","subject":"nothing","datacontenttype":"application/json","data":{"orderId":5}}`)},
	} {
		if err := broker.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
	}
	sys.knownDeadLetters["gateway"]++
	database := sys.invariants(t).Database("product")
	return func() {
		scenario.Try(scenario.Query(t.Context(), database, `delete from dead_letters returning id::text`)).OrFail(t)
	}
}

// failingLetter stores a dead letter of order that has failed for an hour.
func failingLetter(t *testing.T, sys *stack) func() {
	database := sys.invariants(t).Database("order")
	query := func(sql string) { scenario.Try(scenario.Query(t.Context(), database, sql)).OrFail(t) }
	query(`insert into dead_letters (id, topic, reason, attempts, payload, at, due_at) values (gen_random_uuid(), 'failing', 'a test', 1, 'x',
		now() - interval '1 hour', now() + interval '1 hour') returning id::text`)
	return func() { query(`delete from dead_letters where topic = 'failing' returning id::text`) }
}

// forgottenReservation adds a reservation of an order that the service order has not known for days. Product releases it within a minute.
func forgottenReservation(t *testing.T, sys *stack) func() {
	database, id := sys.invariants(t).Database("product"), uuid.NewString()
	scenario.Try(scenario.Query(t.Context(), database, `insert into reservations (order_id, state, outcome, decided_at, updated_at, unknown_since)
		values ('`+id+`', 'RESERVED', '{}', now() - interval '4 days', now() - interval '4 days', now() - interval '4 days')
		returning order_id::text`)).OrFail(t)
	return func() {
		scenario.Try(scenario.Query(t.Context(), database, `delete from reservations where order_id = '`+id+`' returning state`)).OrFail(t)
	}
}

// stalledGroup is the consumer group of stalledConsumer.
const stalledGroup = "silent-reader"

// stalledConsumer starts a consumer that stays in its group but never commits an offset. A sidecar cannot do this for long,
// because it leaves its group while its app is down.
func stalledConsumer(t *testing.T, sys *stack) func() {
	options := append(sys.kafkaOptions(), kgo.ConsumerGroup(stalledGroup), kgo.ConsumeTopics(event.OrderStatusChanged.Name),
		kgo.DisableAutoCommit())
	consumer := scenario.Try(kgo.NewClient(options...)).OrFail(t)
	return func() {
		consumer.Close()
		broker := scenario.Try(sys.kafkaClient()).OrFail(t)
		defer broker.Close()
		if _, err := kadm.NewClient(broker).DeleteGroups(context.WithoutCancel(t.Context()), stalledGroup); err != nil {
			t.Errorf("delete the test's consumer group: %v", err)
		}
	}
}

// unpublishableRow writes an outbox row that can never be published.
func unpublishableRow(t *testing.T, sys *stack) func() {
	database := sys.invariants(t).Database("order")
	key := "outbox-due||pubsub||" + event.OrderStatusChanged.Name + "||of-no-use"
	query := func(sql string) { scenario.Try(scenario.Query(t.Context(), database, sql)).OrFail(t) }
	query(`insert into state (key, value, etag) values ('` + key + `', 'no event', gen_random_uuid()) returning key`)
	return func() { query(`delete from state where key like 'outbox-d%of-no-use' returning key`) }
}

// tooOldLogLine starts a container whose log lines Loki refuses, because their timestamps are too old.
func tooOldLogLine(t *testing.T, sys *stack) func() {
	text := `{"time":"2001-01-01T00:00:00Z","level":"info","msg":"a line of another age"}`
	id := scenario.Try(docker(t.Context(), "run", "--detach", "--network", "none", "--label", "comanda.logs=true",
		"--label", "com.docker.compose.project="+project, "--label", "com.docker.compose.service=chatter",
		"--entrypoint", "/bin/sh", sys.image(t, "order-db"), "-c", "while echo '"+text+"'; do sleep 2; done")).OrFail(t)
	return func() { sys.docker(t, "rm", "--force", strings.TrimSpace(id)) }
}

// invalidRule adds a rule that Prometheus loads but cannot evaluate.
func invalidRule(t *testing.T, sys *stack) func() {
	file := filepath.Join(sys.dir, "rules", "bad.yml")
	text := "groups: [{name: bad, interval: 5s, rules: [{record: bad, expr: up * on () up}]}]\n"
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	reloadPrometheus(t, sys)
	return func() {
		if err := os.Remove(file); err != nil {
			t.Fatal(err)
		}
		reloadPrometheus(t, sys)
	}
}

// reloadPrometheus makes Prometheus read its configuration again.
func reloadPrometheus(t *testing.T, sys *stack) { sys.signal(t, sys.container(t, "prometheus"), "HUP") }

// removedTarget changes the label of a target of Prometheus, so that the database of user has no target.
func removedTarget(t *testing.T, sys *stack) func() {
	text := string(scenario.Try(os.ReadFile(sys.targetsFile())).OrFail(t))
	without := strings.Replace(text, "database: user }", "database: nobody }", 1)
	if without == text {
		t.Fatalf("%s has no target for the database of user", sys.targetsFile())
	}
	write := func(text string) {
		if err := os.WriteFile(sys.targetsFile(), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(without)
	return func() { write(text) }
}

// exhaustedServer opens most of the connections that the database of user allows. It leaves some for its exporter.
func exhaustedServer(t *testing.T, sys *stack) func() {
	database := sys.invariants(t).Database("user")
	var all []*pgx.Conn
	for range 165 {
		all = append(all, scenario.Try(pgx.Connect(t.Context(), database)).OrFail(t))
	}
	return func() {
		for _, conn := range all {
			_ = conn.Close(context.WithoutCancel(t.Context()))
		}
	}
}

// lockedTable locks a table of product and requests the menu, so each request holds a connection of product while it waits.
func lockedTable(t *testing.T, sys *stack) func() {
	conn := scenario.Try(pgx.Connect(t.Context(), sys.invariants(t).Database("product"))).OrFail(t)
	_, err := conn.Exec(t.Context(), `set statement_timeout = 0; set lock_timeout = 0;
		set idle_in_transaction_session_timeout = 0; begin; lock table products in access exclusive mode`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	wait := sys.sendRequests(ctx, 60, sys.menu)
	return func() {
		stop()
		_ = conn.Close(context.WithoutCancel(t.Context()))
		wait()
	}
}

// unknownToken has the form of a refresh token, so auth looks it up in its database. Auth refuses a token of any other form
// without a query.
var unknownToken = strings.Repeat("A", 43)

// continuousRequests sends requests to every service until the fault is undone. It ignores the responses.
func continuousRequests(t *testing.T, sys *stack) func() {
	ctx, stop := context.WithCancel(t.Context())
	wait := sys.sendRequests(ctx, 2, sys.menu,
		func(ctx context.Context) { _, _ = sys.ana.Me(ctx) },
		func(ctx context.Context) { _, _ = sys.ana.Orders(ctx, "", client.Page{}) },
		func(ctx context.Context) { _, _ = sys.faultScenario.Anonymous.Refresh(ctx, unknownToken) })
	return func() { stop(); wait() }
}

// menu requests the menu and ignores the response.
func (sys *stack) menu(ctx context.Context) { _, _ = sys.ana.Menu(ctx, client.Search{}) }

// sendRequests sends each request repeatedly from several clients until ctx ends. The returned function waits for the clients.
func (sys *stack) sendRequests(ctx context.Context, clients int, requests ...func(context.Context)) (wait func()) {
	var all sync.WaitGroup
	for _, send := range requests {
		for range clients {
			all.Go(func() {
				for ctx.Err() == nil {
					send(ctx)
					select {
					case <-ctx.Done():
					case <-time.After(100 * time.Millisecond):
					}
				}
			})
		}
	}
	return all.Wait
}

// pendingOrders places n orders, which the fault keeps PENDING.
func pendingOrders(n int) faultCause {
	return func(t *testing.T, sys *stack) func() {
		for range n {
			scenario.Try(sys.ana.Order(t.Context(), scenario.Basket(sys.dish, 1))).OrFail(t)
		}
		return func() {}
	}
}

// pendingRegistration begins one registration, which the fault keeps PENDING.
func pendingRegistration(t *testing.T, sys *stack) func() {
	scenario.Try(sys.faultScenario.For(t).Anonymous.Register(t.Context(), scenario.NewPerson())).OrFail(t)
	return func() {}
}

// shortDeadline makes the recovery of order give up after 10 s instead of 15 minutes.
func shortDeadline(t *testing.T, sys *stack) func() {
	set := func(after, giveUp string) {
		sys.settings["RECOVERY_AFTER"], sys.settings["RECOVERY_GIVE_UP"] = after, giveUp
		scenario.Try(sys.compose(t.Context(), "up", "-d", "--no-deps", "order")).OrFail(t)
		sys.awaitHealthy(t, recoveryTimeout)
	}
	set("5s", "10s")
	return func() { set("", "") }
}

// repeatedKills kills a service several times. After each kill it waits until Prometheus has scraped the next process.
func repeatedKills(service string, times int) faultCause {
	return func(t *testing.T, sys *stack) func() {
		changes := func(ctx context.Context) (float64, error) {
			return sys.sum(ctx, fmt.Sprintf(`max(changes(process_start_time_seconds{job="service", service=%q}[15m]))`, service))
		}
		seen := scenario.Try(changes(t.Context())).OrFail(t)
		for range times {
			before := sys.container(t, service)
			sys.kill(t, before)
			seen++
			const scraped = "Prometheus has scraped the restarted service"
			scenario.EventuallyWithin(t, recoveryTimeout, scraped, func(ctx context.Context) error {
				if now, err := changes(ctx); err != nil || now < seen {
					return errorOr(err, fmt.Sprintf("starts of %s: got %v, want %v", service, now, seen))
				}
				return nil
			})
		}
		return func() {}
	}
}
