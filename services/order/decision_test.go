package main

import (
	"errors"
	"testing"
	"time"

	"comanda/services/event"
)

func TestConfirmTakesPricesInTheOrdersOwnOrder(t *testing.T) {
	order := orderIn(t, event.StatusConfirmed)
	if order.Items[0].ProductID != soup || *order.Items[0].Price != (Price{"Soup", 800, 1600}) || order.Items[1].Name != "Bread" {
		t.Errorf("got %+v", order.Items)
	}
	if *order.Total != (Total{"EUR", 1850}) {
		t.Errorf("got %+v", order.Total)
	}
}

// TestConfirmRefusesWhatWasNotOrdered: whatever does not fit leaves the order as it was.
func TestConfirmRefusesWhatWasNotOrdered(t *testing.T) {
	for name, spoil := range map[string]func(*event.StockReserved){
		"a line less":           func(s *event.StockReserved) { s.Items = s.Items[:1] },
		"a line more":           func(s *event.StockReserved) { s.Items = append(s.Items, event.ReservedLine{ProductID: staffID}) },
		"a line twice":          func(s *event.StockReserved) { s.Items[1] = s.Items[0] },
		"a line twice, and all": func(s *event.StockReserved) { s.Items = append(s.Items, s.Items[0]) },
		"another quantity": func(s *event.StockReserved) {
			s.Items[1].Quantity, s.Items[1].LineTotalCents, s.TotalCents = 1, 800, 1050
		},
		"another product":          func(s *event.StockReserved) { s.Items[1].ProductID = staffID },
		"a line that is no sum":    func(s *event.StockReserved) { s.Items[1].LineTotalCents = 1; s.TotalCents = 251 },
		"a total that is no sum":   func(s *event.StockReserved) { s.TotalCents++ },
		"a price below nothing":    func(s *event.StockReserved) { s.Items[0].UnitPriceCents, s.Items[0].LineTotalCents = -1, -1 },
		"a price without currency": func(s *event.StockReserved) { s.Currency = "" },
	} {
		order, reserved := orderIn(t, event.StatusPending), reservedStock()
		spoil(&reserved)
		changed, err := order.Confirm(reserved, anEvent, noon)
		if !errors.Is(err, errMismatch) || changed || order.Status != event.StatusPending || order.Total != nil || order.Items[0].Price != nil {
			t.Errorf("%s: changed %t, %v, order %+v", name, changed, err, order)
		}
	}
}

func TestRejectKeepsWhy(t *testing.T) {
	order := orderIn(t, event.StatusRejected)
	if order.Reason != "insufficient_stock" || len(order.Shortages) != 1 || order.Total != nil {
		t.Errorf("got %+v", order)
	}
}

func TestRemindIsNoNewVersion(t *testing.T) {
	order := orderIn(t, event.StatusPending)
	later := noon.Add(time.Minute)
	if order.Remind(noon.Add(-time.Second), later) {
		t.Error("reminded before it was due")
	}
	if !order.Remind(noon, later) || order.AnnouncedAt != later || order.Announced != 2 {
		t.Errorf("got %+v", order)
	}
	if order.Version != 1 || len(order.History) != 1 || order.UpdatedAt != noon {
		t.Errorf("it changed: %+v", order)
	}
	if order.Remind(noon, later) {
		t.Error("reminded twice for once")
	}
}

func TestOnlyWaitingOrdersAreRecovered(t *testing.T) {
	for _, state := range statuses() {
		order := orderIn(t, state)
		later := noon.Add(time.Hour)
		if got, want := order.Remind(later, later), state == event.StatusPending; got != want {
			t.Errorf("%s: reminded %t", state, got)
		}
		if got, want := order.GiveUp(later, later), state == event.StatusPending; got != want {
			t.Errorf("%s: given up %t", state, got)
		}
	}
	order := orderIn(t, event.StatusPending)
	if order.GiveUp(noon.Add(-time.Second), noon) {
		t.Error("given up before it was due")
	}
	if !order.GiveUp(noon, noon) || order.Reason != "timed_out" || order.History[1].Actor.Role != "recovery" {
		t.Errorf("got %+v", order)
	}
}

func TestWhatIsAnnounced(t *testing.T) {
	order := orderIn(t, event.StatusRejected)
	asked := order.placedEvent()
	if asked.OrderID != someOrder || asked.CustomerID != customerID || len(asked.Items) != 2 || asked.Items[0] != (event.OrderLine{ProductID: soup, Quantity: 2}) {
		t.Errorf("got %+v", asked)
	}
	want := event.OrderStatus{OrderID: someOrder, Version: 2, CustomerID: customerID, Status: "REJECTED", Reason: "insufficient_stock", At: noon}
	if got := order.statusEvent(); got != want {
		t.Errorf("got %+v", got)
	}
}
