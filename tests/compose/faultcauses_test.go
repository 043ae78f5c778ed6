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

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services/event"
	"comanda/tests/client"
	"comanda/tests/scenario"
)

// unreadableEvents publishes events that no consumer can handle: text that is not an event, which the sidecar dead-letters, and an
// event that product refuses.
func unreadableEvents(t *testing.T, sys *stack) func() {
	broker := scenario.Try(sys.kafkaClient()).OrFail(t)
	defer broker.Close()
	for _, text := range []string{`this is no event`, `{"specversion":"1.0","id":"garbage","source":"test","type":"order.created.pending.v1",
		"subject":"nothing","datacontenttype":"application/json","data":{"orderId":5}}`} {
		record := &kgo.Record{Topic: event.OrderCreatedPending.Name, Value: []byte(text)}
		if err := broker.ProduceSync(t.Context(), record).FirstErr(); err != nil {
			t.Fatal(err)
		}
		sys.knownDeadLetters["product"]++
	}
	return func() {}
}

// stalledGroup is the consumer group of silentReader.
const stalledGroup = "silent-reader"

// stalledConsumer is a consumer that is connected and sends heartbeats but never commits. A sidecar cannot play it for long,
// because a sidecar leaves its group while its app is down.
func stalledConsumer(t *testing.T, sys *stack) func() {
	options := append(sys.kafkaOptions(), kgo.ConsumerGroup(stalledGroup), kgo.ConsumeTopics(event.OrderStatusChanged.Name), kgo.DisableAutoCommit())
	reader := scenario.Try(kgo.NewClient(options...)).OrFail(t)
	return func() {
		reader.Close()
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
	scenario.Try(scenario.Query(t.Context(), database, `insert into state (key, value, etag) values ('`+key+`', 'no event', gen_random_uuid()) returning key`)).OrFail(t)
	return func() {
		scenario.Try(scenario.Query(t.Context(), database, `delete from state where key like 'outbox-d%of-no-use' returning key`)).OrFail(t)
	}
}

// tooOldLogLine runs a container whose log lines Loki refuses because their timestamps are too old.
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

// removedTarget removes a target from the list that Prometheus reads.
func removedTarget(t *testing.T, sys *stack) func() {
	text := string(scenario.Try(os.ReadFile(sys.targetsFile())).OrFail(t))
	without := strings.Replace(text, "database: user }", "database: nobody }", 1)
	if without == text {
		t.Fatal("the targets lack the database of user")
	}
	write := func(text string) {
		if err := os.WriteFile(sys.targetsFile(), []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	write(without)
	return func() { write(text) }
}

// exhaustedServer opens most of a database's connections and leaves some for its exporter.
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

// lockedTable locks a table, so that each request that reads it holds a connection and waits.
func lockedTable(t *testing.T, sys *stack) func() {
	conn := scenario.Try(pgx.Connect(t.Context(), sys.invariants(t).Database("product"))).OrFail(t)
	_, err := conn.Exec(t.Context(), `set statement_timeout = 0; set lock_timeout = 0; set idle_in_transaction_session_timeout = 0;
		begin; lock table products in access exclusive mode`)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	end := sys.sendRequests(ctx, 60, sys.menu)
	return func() {
		stop()
		_ = conn.Close(context.WithoutCancel(t.Context()))
		end()
	}
}

// unknownToken has the form of a refresh token, so auth queries its database for it. Auth refuses any other text without a
// query.
var unknownToken = strings.Repeat("A", 43)

// continuousRequests send requests to every service until the fault is undone, and ignore the answers.
func continuousRequests(t *testing.T, sys *stack) func() {
	ctx, stop := context.WithCancel(t.Context())
	end := sys.sendRequests(ctx, 2, sys.menu,
		func(ctx context.Context) { _, _ = sys.ana.Me(ctx) },
		func(ctx context.Context) { _, _ = sys.ana.Orders(ctx, "", client.Page{}) },
		func(ctx context.Context) { _, _ = sys.faultScenario.Anonymous.Refresh(ctx, unknownToken) })
	return func() { stop(); end() }
}

func (sys *stack) menu(ctx context.Context) { _, _ = sys.ana.Menu(ctx, client.Search{}) }

// sendRequests sends each of these requests from several clients until ctx ends; wait waits for the clients.
func (sys *stack) sendRequests(ctx context.Context, people int, things ...func(context.Context)) (wait func()) {
	var all sync.WaitGroup
	for _, ask := range things {
		for range people {
			all.Go(func() {
				for ctx.Err() == nil {
					ask(ctx)
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

// pendingOrders places n orders.
func pendingOrders(n int) func(*testing.T, *stack) func() {
	return func(t *testing.T, sys *stack) func() {
		for range n {
			scenario.Try(sys.ana.Order(t.Context(), scenario.Basket(sys.dish, 1))).OrFail(t)
		}
		return func() {}
	}
}

// pendingRegistration begins one registration.
func pendingRegistration(t *testing.T, sys *stack) func() {
	scenario.Try(sys.faultScenario.For(t).Anonymous.Register(t.Context(), scenario.NewPerson())).OrFail(t)
	return func() {}
}

// shortDeadline makes order give up after 10 s instead of 15 minutes.
func shortDeadline(t *testing.T, sys *stack) func() {
	set := func(after, giveUp string) {
		sys.settings["RECOVERY_AFTER"], sys.settings["RECOVERY_GIVE_UP"] = after, giveUp
		scenario.Try(sys.compose(t.Context(), "up", "-d", "--no-deps", "order")).OrFail(t)
		sys.awaitHealthy(t, recoveryTimeout)
	}
	set("5s", "10s")
	return func() { set("", "") }
}

// repeatedKills kills a service several times, and waits each time until Prometheus has scraped its next process.
func repeatedKills(service string, times int) func(*testing.T, *stack) func() {
	return func(t *testing.T, sys *stack) func() {
		changes := func(ctx context.Context) (float64, error) {
			return sys.sum(ctx, fmt.Sprintf(`max(changes(process_start_time_seconds{job="service", service=%q}[15m]))`, service))
		}
		seen := scenario.Try(changes(t.Context())).OrFail(t)
		for range times {
			before := sys.container(t, service)
			sys.kill(t, before)
			seen++
			scenario.EventuallyWithin(t, recoveryTimeout, service+" is back, and Prometheus has seen it", func(ctx context.Context) error {
				if now, err := changes(ctx); err != nil || now < seen {
					return errorOr(err, fmt.Sprintf("%v starts, not %v", now, seen))
				}
				return nil
			})
		}
		return func() {}
	}
}
