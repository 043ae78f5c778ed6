package journey

import (
	"errors"
	"os"
	"testing"

	"github.com/twmb/franz-go/pkg/kerr"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/infra"
	"comanda/services/event"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// Both sagas work on Apache Kafka with TLS, a user for each sidecar and ACLs: each user has the rights it needs. And a service cannot
// publish the events of another one.
func TestSagasWorkWithUsersOfKafka(t *testing.T) {
	t.Parallel()
	if err := infra.ApacheMissing(); err != nil {
		if os.Getenv("CI") != "" {
			t.Fatal(err)
		}
		t.Skipf("skipped: %v", err)
	}
	sys := system.Start(t, system.Options{KafkaUsers: true})
	s := newScenario(t, sys)
	ctx, ana, dish := t.Context(), s.Customer(), s.Dish(5, 850)

	placed := scenario.Try(ana.Order(ctx, scenario.Basket(dish, 2))).OrFail(t)
	watching := scenario.Watch(t, ana, placed.ID, "")
	if got := s.WantStatus(ana, placed.ID, client.Confirmed); got.TotalCents != 1700 {
		t.Errorf("the confirmed order: got %+v, want a total of 1700", got)
	}
	watching.Want(client.Confirmed)
	scenario.Try(ana.Cancel(ctx, placed.ID, "")).OrFail(t)
	watching.Want(client.Cancelled)
	s.WantStock(dish, 5, 0, 0)

	user := scenario.Try(sys.Kafka.ServiceSettings("user")).OrFail(t)
	options := scenario.Try(user.ClientOptions()).OrFail(t)
	kafka := scenario.Try(kgo.NewClient(append(options, kgo.DisableIdempotentWrite())...)).OrFail(t)
	defer kafka.Close()
	for _, topic := range []string{event.InventoryStockReserved.Name, event.CreatingUserCancelled.Name, event.DeadLetters("order")} {
		forged := &kgo.Record{Topic: topic, Value: []byte(`{"specversion":"1.0"}`)}
		if err := kafka.ProduceSync(ctx, forged).FirstErr(); !errors.Is(err, kerr.TopicAuthorizationFailed) {
			t.Errorf("user publishes on %s: got %v, want it refused", topic, err)
		}
	}
	wantInvariants(t, sys)
}
