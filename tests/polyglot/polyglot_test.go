package polyglot

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"comanda/infra"
	"comanda/services/event"
	"comanda/services/secret"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// takings are a number of orders and the sum of their totals.
type takings struct {
	Orders     int   `json:"orders"`
	TotalCents int64 `json:"totalCents"`
}

func (s *takings) add(cents int64) {
	s.Orders++
	s.TotalCents += cents
}

// Three consumers in three languages agree on the number of confirmed orders and on the sum of their totals, although events
// arrive twice and each consumer is killed, one of them with its sidecar.
func TestConsumersInOtherLanguagesAgree(t *testing.T) {
	python := &consumer{app: "confirmed-orders", folder: "python", run: []string{"python3", "confirmed.py"}}
	typescript := &consumer{app: "order-webhook", folder: "typescript", run: []string{"node", "webhook.js"},
		build: [][]string{{"npm", "ci", "--no-audit", "--no-fund"}, {"npm", "run", "build"}}}
	java := &consumer{app: "takings", folder: "java", run: []string{"java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "Takings.java"}}
	all := []*consumer{python, typescript, java}
	requireRuntimes(t, all...)
	sys, hook := startAll(t, all)

	k := kitchen{Scenario: scenario.New(t, sys.URL, sys.AdminEmail, sys.AdminPassword), days: map[string]takings{}}
	k.ana, k.cheap, k.dear = k.Customer(), k.Dish(100, 850), k.Dish(100, 1990)
	k.order(t)
	repeatEvents(t, sys, event.OrderStatusChanged.Name, event.InventoryStockReserved.Name)
	for _, c := range all {
		awaitConsumed(t, sys, c.app) // from here on, only the consumers know these events
	}
	python.service.running.Kill()
	k.order(t)
	java.service.running.Kill()
	java.sidecar.running.Kill()
	k.WantStatus(k.ana, scenario.Try(k.ana.Order(t.Context(), scenario.Basket(k.cheap, 99))).OrFail(t).ID, client.Rejected)
	last := k.order(t)
	typescript.service.running.Kill()
	typescript.service.start(t)
	python.service.start(t)
	java.service.start(t)
	java.sidecar.start(t)

	fromPython := func(ctx context.Context) (takings, error) { return getTakings(ctx, python.url+"/confirmed") }
	fromJava := func(ctx context.Context) (takings, error) { return k.sumOfDays(ctx, java.url+"/takings?") }
	wantTakings(t, "Python", k.sum, fromPython)
	wantTakings(t, "Java", k.sum, fromJava)
	wantTakings(t, "TypeScript", k.sum, func(context.Context) (takings, error) { return hook.sum(), nil })
	accepted, invalid := hook.requests()
	if invalid > 0 {
		t.Errorf("the webhook got %d requests without a valid signature, want none", invalid)
	}
	if again := accepted - k.sum.Orders; again > 1 {
		t.Errorf("the webhook accepted %d orders again, want at most the one that was on its way when the consumer was killed", again)
	}

	scenario.Try(k.ana.Cancel(t.Context(), last.ID, "")).OrFail(t)
	wantTakings(t, "Java, after a cancellation", takings{k.sum.Orders - 1, k.sum.TotalCents - last.TotalCents}, fromJava)
	wantTakings(t, "Python, after a cancellation", k.sum, fromPython)
	for _, c := range all {
		wantNoDeadLetters(t, sys, event.DeadLetters(c.app))
		c.wantEventsRefused(t)
	}
}

// startAll starts the system and the consumers. They post to the receiver it returns.
func startAll(t *testing.T, all []*consumer) (*system.System, *receiver) {
	t.Helper()
	var builds errgroup.Group
	dir := t.TempDir()
	for _, c := range all {
		builds.Go(func() error { return c.prepare(t.Context(), dir) })
	}
	sys := system.Start(t, system.Options{})
	if err := builds.Wait(); err != nil {
		t.Fatal(err)
	}
	hook := newReceiver(secret.Key())
	server := httptest.NewServer(hook)
	t.Cleanup(server.Close)
	for _, c := range all {
		topic := infra.Topic{Name: event.DeadLetters(c.app), Partitions: event.Partitions}
		if err := sys.Kafka.Declare(t.Context(), []infra.Topic{topic}); err != nil {
			t.Fatal(err)
		}
		c.start(t, map[string]string{"KAFKA_BROKERS": sys.Kafka.Brokers(), "APP_API_TOKEN": secret.Token(),
			"DAPR_API_TOKEN": secret.Token(), "WEBHOOK_URL": server.URL, "WEBHOOK_SECRET": hook.secret})
	}
	for _, c := range all {
		c.awaitAnswer(t)
	}
	return sys, hook
}

// kitchen is a scenario in which one customer orders, and the facts about it that the consumers should know.
type kitchen struct {
	*scenario.Scenario
	ana         scenario.User
	cheap, dear client.Product
	sum         takings
	days        map[string]takings
}

// batch is the number of orders between two faults.
const batch = 3

// order places a batch of orders, each with another total, waits until they are confirmed, and returns the last.
func (k *kitchen) order(t *testing.T) (last client.Order) {
	t.Helper()
	for i := range batch {
		last = k.PlaceConfirmed(k.ana, client.Basket{Items: []client.Item{
			{ProductID: k.cheap.ID, Quantity: i + 1}, {ProductID: k.dear.ID, Quantity: k.sum.Orders/batch + 1}}})
		k.sum.add(last.TotalCents)
		day := last.UpdatedAt.UTC().Format(time.DateOnly)
		sum := k.days[day]
		sum.add(last.TotalCents)
		k.days[day] = sum
	}
	return last
}

// sumOfDays adds up a consumer's answers for each day on which an order was confirmed. There are two days around midnight.
func (k *kitchen) sumOfDays(ctx context.Context, url string) (sum takings, err error) {
	for day := range k.days {
		of, err := getTakings(ctx, url+day)
		if err != nil {
			return sum, err
		}
		sum.Orders += of.Orders
		sum.TotalCents += of.TotalCents
	}
	return sum, nil
}

func getTakings(ctx context.Context, url string) (sum takings, err error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, nil)
	if err != nil {
		return sum, err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return sum, err
	}
	defer func() { _ = response.Body.Close() }()
	return sum, json.NewDecoder(response.Body).Decode(&sum)
}

// wantTakings waits until a consumer knows exactly these takings.
func wantTakings(t *testing.T, of string, want takings, get func(context.Context) (takings, error)) {
	t.Helper()
	scenario.Eventually(t, fmt.Sprintf("%s knows %+v", of, want), func(ctx context.Context) error {
		got, err := get(ctx)
		if err == nil && got != want {
			err = fmt.Errorf("it knows %+v", got)
		}
		return err
	})
}

// The receiver accepts a request only with a signature of its secret that is not too old.
func TestReceiverRefusesForgedRequests(t *testing.T) {
	hook := newReceiver("secret")
	const body = `{"totalCents":1}`
	sign := func(secret, id string, at time.Time) http.Header {
		return http.Header{"Webhook-Id": {id}, "Webhook-Timestamp": {fmt.Sprint(at.Unix())},
			"Webhook-Signature": {signature(secret, id, at.Unix(), body)}}
	}
	changed := sign("secret", "a", time.Now())
	changed.Set("Webhook-Id", "b")
	for name, tc := range map[string]struct {
		header http.Header
		want   bool
	}{
		"signed":           {sign("secret", "a", time.Now()), true},
		"another secret":   {sign("other", "a", time.Now()), false},
		"an old request":   {sign("secret", "a", time.Now().Add(-2*maxAge)), false},
		"a future request": {sign("secret", "a", time.Now().Add(2*maxAge)), false},
		"another id":       {changed, false},
		"no signature":     {http.Header{}, false},
	} {
		if got := hook.isSigned(tc.header.Get("Webhook-Id"), tc.header, []byte(body)); got != tc.want {
			t.Errorf("%s: got %v, want %v", name, got, tc.want)
		}
	}
}

// The promise is a consumer in under 60 lines.
func TestConsumersAreShort(t *testing.T) {
	for _, file := range []string{"python/confirmed.py", "typescript/webhook.ts", "java/Takings.java"} {
		text := scenario.Try(os.ReadFile(filepath.FromSlash(file))).OrFail(t)
		if lines := strings.Count(string(text), "\n"); lines >= 60 {
			t.Errorf("%s: got %d lines, want fewer than 60", file, lines)
		}
	}
}
