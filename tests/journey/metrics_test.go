package journey

import (
	"context"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/google/uuid"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/tests/asyncapi"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// between is the range of a metric's value.
type between struct{ least, most float64 }

// noLimit is an upper limit that no metric reaches.
const noLimit = 1e12

// wantMetrics waits until a service's metrics are in these ranges.
func wantMetrics(t testing.TB, sys *system.System, service string, want map[string]between) {
	t.Helper()
	wantMetricsAt(t, sys.Pair(service).MetricsURL, service, want)
}

// wantMetricsAt waits until the metrics at a URL are in these ranges.
func wantMetricsAt(t testing.TB, url, program string, want map[string]between) {
	t.Helper()
	scenario.Eventually(t, "the metrics of "+program+" are in their ranges", func(ctx context.Context) error {
		got, err := system.MetricsAt(ctx, url)
		for name, span := range want {
			if value, exists := got[name]; err == nil && (!exists || value < span.least || value > span.most) {
				err = fmt.Errorf("%s: got %v (exists: %v), want %v to %v", name, value, exists, span.least, span.most)
			}
		}
		return err
	})
}

// withCommonMetrics adds the metrics that every service exports to more.
func withCommonMetrics(more map[string]between) map[string]between {
	all := map[string]between{
		"go_goroutines": {5, 10_000}, "process_resident_memory_bytes": {1e6, 1e9}, "comanda_http_requests_in_flight": {0, 1000},
	}
	for name, span := range more {
		all[name] = span
	}
	return all
}

// withDatabaseMetrics adds the metrics that every service with a database exports to more.
func withDatabaseMetrics(more map[string]between) map[string]between {
	all := withCommonMetrics(map[string]between{
		`comanda_db_connections{state="acquired"}`: {0, 10}, `comanda_db_connections{state="idle"}`: {0, 10},
		"comanda_db_connections_max": {10, 10}, "comanda_db_acquire_total": {1, noLimit},
		"comanda_db_acquire_wait_seconds_total": {0, noLimit},
	})
	for name, span := range more {
		all[name] = span
	}
	return all
}

// Every service counts its work for a confirmed and a rejected order. Other journeys run at the same time, so the counts may
// be higher.
func TestServicesCountConfirmedAndRejectedOrders(t *testing.T) {
	t.Parallel()
	sys := sharedSystem(t)
	s := newScenario(t, sys)
	ana, dish := s.Customer(), s.Dish(5, 700)
	placed := s.PlaceConfirmed(ana, scenario.Basket(dish, 1))
	scenario.Watch(t, ana, placed.ID, "").Want(client.Confirmed)
	s.WantStatus(ana, scenario.Try(ana.Order(t.Context(), scenario.Basket(dish, 100))).OrFail(t).ID, client.Rejected)
	refused(s.Anonymous.Login(t.Context(), ana.Person.Email, "not the password")).want(t, http.StatusUnauthorized)

	request := func(code, method, route string) string {
		return fmt.Sprintf(`comanda_http_request_duration_seconds_count{code=%q,method=%q,route=%q}`, code, method, route)
	}
	handled := func(topic string) string {
		return fmt.Sprintf(`comanda_event_handling_duration_seconds_count{outcome="done",topic=%q}`, topic)
	}
	wantMetrics(t, sys, "gateway", withCommonMetrics(map[string]between{
		request("201", "POST", "/api/v1/orders"):       {2, noLimit},
		request("200", "GET", "/api/v1/orders/{id}"):   {2, noLimit},
		request("401", "POST", "/api/v1/auth/login"):   {1, noLimit},
		handled("order.status.changed"):                {2, noLimit},
		"comanda_tracking_watchers":                    {1, 5000},
		`comanda_rate_limited_total{limit="requests"}`: {0, 0},
		`comanda_rate_limited_total{limit="login"}`:    {0, 0},
		`comanda_rate_limited_total{limit="register"}`: {0, 0},
	}))
	wantMetrics(t, sys, "auth", withDatabaseMetrics(map[string]between{
		request("202", "POST", "/auth/register"):                                  {1, noLimit},
		handled("creating.user.response"):                                         {1, noLimit},
		`comanda_registrations_total{status="PENDING"}`:                           {2, noLimit},
		`comanda_registrations_total{status="ACTIVE"}`:                            {2, noLimit},
		`comanda_registrations_total{status="REJECTED"}`:                          {0, noLimit},
		`comanda_registration_decision_seconds_count{outcome="ACTIVE"}`:           {2, noLimit},
		`comanda_registration_decision_seconds_bucket{outcome="ACTIVE",le="900"}`: {2, noLimit},
		`comanda_erasures_total{status="DELETING"}`:                               {0, noLimit},
		`comanda_erasures_total{status="ERASED"}`:                                 {0, noLimit},
		"comanda_erasures_pending":                                                {0, 1000},
		"comanda_erasures_pending_oldest_seconds":                                 {0, 60},
		"comanda_registrations_pending":                                           {0, 1000},
		"comanda_registrations_pending_oldest_seconds":                            {0, 60},
		`comanda_logins_total{outcome="ok"}`:                                      {2, noLimit},
		`comanda_logins_total{outcome="refused"}`:                                 {1, noLimit},
		`comanda_recovery_total{step="announced_again"}`:                          {0, noLimit},
		`comanda_recovery_total{step="given_up"}`:                                 {0, 0},
	}))
	wantMetrics(t, sys, "user", withDatabaseMetrics(map[string]between{handled("creating.user"): {2, noLimit}}))
	wantMetrics(t, sys, "order", withDatabaseMetrics(map[string]between{
		request("201", "POST", "/orders"):                           {2, noLimit},
		handled("inventory.stock.reserved"):                         {1, noLimit},
		handled("inventory.stock.failed"):                           {1, noLimit},
		`comanda_orders_total{status="PENDING"}`:                    {2, noLimit},
		`comanda_orders_total{status="CONFIRMED"}`:                  {1, noLimit},
		`comanda_orders_total{status="REJECTED"}`:                   {1, noLimit},
		`comanda_orders_total{status="CANCELLED"}`:                  {0, noLimit},
		`comanda_order_decision_seconds_count{outcome="CONFIRMED"}`: {1, noLimit},
		`comanda_order_decision_seconds_count{outcome="REJECTED"}`:  {1, noLimit},
		"comanda_orders_pending":                                    {0, 1000},
		"comanda_orders_pending_oldest_seconds":                     {0, 60},
		`comanda_recovery_total{step="announced_again"}`:            {0, noLimit},
		`comanda_recovery_total{step="given_up"}`:                   {0, 0},
	}))
	wantMetrics(t, sys, "product", withDatabaseMetrics(map[string]between{
		handled("order.created.pending"):                 {2, noLimit},
		`comanda_reservations_total{outcome="reserved"}`: {1, noLimit},
		`comanda_reservations_total{outcome="failed"}`:   {1, noLimit},
		"comanda_stock_rejections_total":                 {1, noLimit},
	}))
	const table, published = `{app_id="order",table="state"}`, `{app_id="order",component="pubsub",table="state",topic=%q}`
	wantMetricsAt(t, sys.Pair("order").SidecarMetricsURL, "order's sidecar", map[string]between{
		"dapr_outbox_rows_waiting" + table:                                            {0, 1000},
		"dapr_outbox_rows_dead" + table:                                               {0, 0},
		"dapr_outbox_oldest_waiting_seconds" + table:                                  {0, 60},
		fmt.Sprintf("dapr_outbox_published_count"+published, "order.created.pending"): {2, noLimit},
		fmt.Sprintf("dapr_outbox_published_count"+published, "order.status.changed"):  {2, noLimit},
		fmt.Sprintf("dapr_outbox_failed_count"+published, "order.status.changed"):     {0, noLimit},
	})
	wantNoIDsInLabels(t, sys, placed.ID, dish.ID, ana.ID)
}

// wantNoIDsInLabels checks that no metric has one of the ids in a label. Each id would create another time series.
func wantNoIDsInLabels(t *testing.T, sys *system.System, ids ...string) {
	t.Helper()
	for _, service := range system.Services {
		for _, url := range []string{sys.Pair(service).MetricsURL, sys.Pair(service).SidecarMetricsURL} {
			for name := range scenario.Try(system.MetricsAt(t.Context(), url)).OrFail(t) {
				for _, id := range ids {
					if strings.Contains(name, id) {
						t.Errorf("%s exports a metric with an id: %s", url, name)
					}
				}
			}
		}
	}
}

// wantDeadLetter sends an invalid event to order, and checks that the metrics count it and that it is order's only dead letter.
func wantDeadLetter(t *testing.T, sys *system.System) {
	t.Helper()
	kafka := scenario.Try(kgo.NewClient(invariants(sys).Kafka...)).OrFail(t)
	defer kafka.Close()
	const topic = "inventory.stock.failed"
	signature := scenario.Try(sys.SignEvent("product", topic+".v1", "", map[string]any{"orderId": "none"})).OrFail(t)
	invalid := fmt.Sprintf(`{"specversion":"1.0","id":%q,"type":"%s.v1","source":"test","datacontenttype":"application/json",
		"data":{"orderId":"none"},"signature":%q}`, uuid.NewString(), topic, signature)
	if err := kafka.ProduceSync(t.Context(), &kgo.Record{Topic: topic, Value: []byte(invalid),
		Headers: []kgo.RecordHeader{{Key: asyncapi.ViolationHeader}}}).FirstErr(); err != nil {
		t.Fatal(err)
	}
	wantMetrics(t, sys, "order", map[string]between{
		`comanda_event_handling_duration_seconds_count{outcome="dead_letter",topic="` + topic + `"}`: {1, 1},
	})
	known := invariants(sys)
	known.Known = map[string]int64{"order": 1}
	known.Want(t)
}
