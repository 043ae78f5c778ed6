package document_test

import (
	"context"
	"errors"
	"os"
	"sync"
	"testing"

	dapr "github.com/dapr/go-sdk/client"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
	"comanda/services/internal/servicetest"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

type light struct {
	On     bool   `json:"on"`
	Turned int    `json:"turned"`
	Secret string `json:"secret"`
}

// turned is any event there is: what it means does not matter here.
func turned(id string, times int) event.Message {
	return event.OrderStatusChanged.About(id, event.OrderStatus{OrderID: id, Version: times})
}

func open(t *testing.T) (*servicetest.Sidecar, document.Store[light]) {
	client := servicetest.NewSidecar(servicetest.EmptyDatabase(t))
	return client, document.NewStore[light](client, "lights", "light")
}

func versions(t *testing.T, client *servicetest.Sidecar) []int {
	t.Helper()
	var versions []int
	for _, told := range servicetest.Events(t, client, "lights", event.OrderStatusChanged) {
		versions = append(versions, told.Version)
	}
	return versions
}

func TestADocumentAndItsAnnouncementAreOneWrite(t *testing.T) {
	client, lights := open(t)
	if err := lights.Create(t.Context(), "a", light{On: true, Secret: "hush"}, turned("a", 1)); err != nil {
		t.Fatal(err)
	}
	got, err := lights.Get(t.Context(), "a")
	if err != nil || got != (light{On: true, Secret: "hush"}) {
		t.Errorf("got %+v, %v", got, err)
	}
	all := client.All()
	if len(all) != 1 || all[0].Component != "lights-order-status-changed" || all[0].Type != "order.status.changed.v1" || all[0].Subject != "a" {
		t.Fatalf("announced %+v", all)
	}
	if data := string(all[0].Data); data != `{"orderId":"a","version":1,"customerId":"","status":"","at":"0001-01-01T00:00:00Z"}` {
		t.Errorf("the event carries %s", data)
	}
}

func TestASilentWriteAnnouncesNothing(t *testing.T) {
	client, lights := open(t)
	if err := lights.Create(t.Context(), "a", light{}, event.None); err != nil {
		t.Fatal(err)
	}
	if _, err := lights.Change(t.Context(), "a", func(l *light) (event.Message, error) {
		l.On = true
		return event.None, nil
	}); err != nil || len(client.All()) != 0 {
		t.Errorf("%v, announced %+v", err, client.All())
	}
	if got, err := lights.Get(t.Context(), "a"); err != nil || !got.On {
		t.Errorf("got %+v, %v", got, err)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	_, lights := open(t)
	if _, err := lights.Get(t.Context(), "a"); !fault.Is(err, fault.KindNotFound) {
		t.Error(err)
	}
	_, err := lights.Change(t.Context(), "a", func(*light) (event.Message, error) {
		t.Error("changes what is not there")
		return event.None, nil
	})
	if !fault.Is(err, fault.KindNotFound) {
		t.Error(err)
	}
}

func TestWhatExistsIsNotCreatedAgain(t *testing.T) {
	client, lights := open(t)
	for i, want := range []error{nil, document.ErrExists} {
		if err := lights.Create(t.Context(), "a", light{Turned: i}, turned("a", i)); !errors.Is(err, want) {
			t.Errorf("time %d: %v", i, err)
		}
	}
	if got, err := lights.Get(t.Context(), "a"); err != nil || got.Turned != 0 || len(client.All()) != 1 {
		t.Errorf("got %+v, %v, announced %d times", got, err, len(client.All()))
	}
}

// TestNoChangeIsLost: of many at once each has its turn, and each is announced once.
func TestNoChangeIsLost(t *testing.T) {
	client, lights := open(t)
	if err := lights.Create(t.Context(), "a", light{}, event.None); err != nil {
		t.Fatal(err)
	}
	const many = 5 // less than Change tries, so that the unluckiest succeeds
	var all sync.WaitGroup
	for range many {
		all.Go(func() {
			if _, err := lights.Change(t.Context(), "a", func(l *light) (event.Message, error) {
				l.Turned++
				return turned("a", l.Turned), nil
			}); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()
	got, err := lights.Get(t.Context(), "a")
	if told := versions(t, client); err != nil || got.Turned != many || len(told) != many || told[many-1] != many {
		t.Errorf("got %+v, %v, announced %v", got, err, told)
	}
}

func TestTheLoserOfARaceSeesWhatTheWinnerDid(t *testing.T) {
	client, lights := open(t)
	if err := lights.Create(t.Context(), "a", light{}, event.None); err != nil {
		t.Fatal(err)
	}
	turnOn := func(l *light) (event.Message, error) {
		if l.On {
			return event.None, document.ErrUnchanged
		}
		l.On = true
		l.Turned++
		return turned("a", l.Turned), nil
	}
	client.BeforeNextWrite(func() {
		if _, err := lights.Change(t.Context(), "a", turnOn); err != nil {
			t.Error(err)
		}
	})
	got, err := lights.Change(t.Context(), "a", turnOn)
	if err != nil || got != (light{On: true, Turned: 1}) || len(client.All()) != 1 {
		t.Errorf("got %+v, %v, announced %d times", got, err, len(client.All()))
	}
}

// TestAWriteWhoseAnswerWasLost is found again: nothing is done, or announced, twice.
func TestAWriteWhoseAnswerWasLost(t *testing.T) {
	client, lights := open(t)
	client.LoseNextAnswer()
	if err := lights.Create(t.Context(), "a", light{}, turned("a", 0)); !errors.Is(err, document.ErrExists) {
		t.Errorf("create: %v", err)
	}
	client.LoseNextAnswer()
	got, err := lights.Change(t.Context(), "a", func(l *light) (event.Message, error) {
		if l.On {
			return event.None, document.ErrUnchanged
		}
		l.On = true
		return turned("a", 1), nil
	})
	if told := versions(t, client); err != nil || !got.On || len(told) != 2 {
		t.Errorf("change: %+v, %v, announced %v", got, err, told)
	}
}

func TestChangeThatFailsWritesNothing(t *testing.T) {
	client, lights := open(t)
	if err := lights.Create(t.Context(), "a", light{}, event.None); err != nil {
		t.Fatal(err)
	}
	_, err := lights.Change(t.Context(), "a", func(l *light) (event.Message, error) {
		l.On = true
		return turned("a", 1), fault.Conflict("no")
	})
	if !fault.Is(err, fault.KindConflict) || len(client.All()) != 0 {
		t.Errorf("%v, announced %d times", err, len(client.All()))
	}
	if got, _ := lights.Get(t.Context(), "a"); got.On {
		t.Error("it was written all the same")
	}
}

func TestWhoAlwaysLosesGivesUp(t *testing.T) {
	client, lights := open(t)
	if err := lights.Create(t.Context(), "a", light{}, event.None); err != nil {
		t.Fatal(err)
	}
	var interfere func()
	interfere = func() {
		if _, err := lights.Change(t.Context(), "a", func(l *light) (event.Message, error) { l.Turned++; return event.None, nil }); err != nil {
			t.Error(err)
		}
		client.BeforeNextWrite(interfere)
	}
	client.BeforeNextWrite(interfere)
	tries := 0
	_, err := lights.Change(t.Context(), "a", func(l *light) (event.Message, error) { tries++; l.On = true; return event.None, nil })
	if !fault.Is(err, fault.KindUnavailable) || tries != 10 {
		t.Errorf("%v after %d tries", err, tries)
	}
}

func TestASidecarThatIsAway(t *testing.T) {
	client, lights := open(t)
	if err := lights.Create(t.Context(), "a", light{}, event.None); err != nil {
		t.Fatal(err)
	}
	client.Away(true)
	_, get := lights.Get(t.Context(), "a")
	_, change := lights.Change(t.Context(), "a", func(*light) (event.Message, error) { return event.None, nil })
	for name, err := range map[string]error{"get": get, "change": change, "create": lights.Create(t.Context(), "b", light{}, event.None)} {
		if !fault.Is(err, fault.KindUnavailable) || fault.From(err).RetryAfter == 0 {
			t.Errorf("%s: %v", name, err)
		}
	}
}

// refusing is a sidecar that reads but cannot write, as a stock one while Kafka is away.
type refusing struct{ document.Client }

func (refusing) ExecuteStateTransaction(context.Context, string, map[string]string, []*dapr.StateOperation) error {
	return errors.New("rpc error: code = Internal desc = DAPR_PUBSUB_OUTBOX")
}

func TestARefusedWriteIsNoRace(t *testing.T) {
	client, lights := open(t)
	if err := lights.Create(t.Context(), "a", light{}, event.None); err != nil {
		t.Fatal(err)
	}
	refused := document.NewStore[light](refusing{client}, "lights", "light")
	tries := 0
	_, err := refused.Change(t.Context(), "a", func(*light) (event.Message, error) { tries++; return event.None, nil })
	if !fault.Is(err, fault.KindUnavailable) || tries != 1 {
		t.Errorf("change: %v after %d tries", err, tries)
	}
	if err := refused.Create(t.Context(), "b", light{}, event.None); !fault.Is(err, fault.KindUnavailable) {
		t.Errorf("create: %v", err)
	}
}
