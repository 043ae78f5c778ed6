package main

import (
	"errors"
	"testing"
	"time"

	"comanda/services/event"
)

func TestConfirmKeepsTheSequenceOfLines(t *testing.T) {
	order := orderIn(t, event.StatusConfirmed)
	if order.Items[0].ProductID != soup || *order.Items[0].Price != (Price{"Soup", 800, 1600}) || order.Items[1].Name != "Bread" {
		t.Errorf("got %+v, want Soup for 1600 before Bread", order.Items)
	}
	if *order.Total != (Total{"EUR", 1850}) {
		t.Errorf("got %+v, want 1850 EUR", order.Total)
	}
}

// TestConfirmRejectsMismatches also checks that a mismatch leaves the order unchanged.
func TestConfirmRejectsMismatches(t *testing.T) {
	for name, corrupt := range map[string]func(*event.StockReserved){
		"missing line": func(s *event.StockReserved) { s.Items = s.Items[:1] },
		"additional line": func(s *event.StockReserved) {
			s.Items = append(s.Items, event.ReservedLine{ProductID: staffID})
		},
		"line twice, another missing": func(s *event.StockReserved) { s.Items[1] = s.Items[0] },
		"line twice":                  func(s *event.StockReserved) { s.Items = append(s.Items, s.Items[0]) },
		"wrong quantity": func(s *event.StockReserved) {
			s.Items[1].Quantity, s.Items[1].LineTotalCents, s.TotalCents = 1, 800, 1050
		},
		"wrong product":    func(s *event.StockReserved) { s.Items[1].ProductID = staffID },
		"wrong line total": func(s *event.StockReserved) { s.Items[1].LineTotalCents = 1; s.TotalCents = 251 },
		"wrong total":      func(s *event.StockReserved) { s.TotalCents++ },
		"negative price":   func(s *event.StockReserved) { s.Items[0].UnitPriceCents, s.Items[0].LineTotalCents = -1, -1 },
		"no currency":      func(s *event.StockReserved) { s.Currency = "" },
	} {
		order, reserved := orderIn(t, event.StatusPending), reservedStock()
		corrupt(&reserved)
		changed, err := order.Confirm(reserved, anEvent, noon)
		if !errors.Is(err, errMismatch) || changed || order.Status != event.StatusPending || order.Total != nil ||
			order.Items[0].Price != nil {
			t.Errorf("%s: got changed %t, %v, order %+v, want errMismatch and no change", name, changed, err, order)
		}
	}
}

// A reservation cannot cost more than the customer accepts, or be in another currency.
func TestConfirmRejectsAPriceThatTheCustomerDoesNotAccept(t *testing.T) {
	for name, tc := range map[string]struct {
		total    int64
		currency string
		want     error
	}{
		"the same total": {1850, "EUR", nil}, "a lower total": {1851, "", nil},
		"a higher total": {1849, "", errMismatch}, "another currency": {1850, "USD", errMismatch},
	} {
		order := orderIn(t, event.StatusPending)
		order.ExpectedTotalCents, order.ExpectedCurrency = &tc.total, tc.currency
		if changed, err := order.Confirm(reservedStock(), anEvent, noon); !errors.Is(err, tc.want) || changed == (tc.want != nil) {
			t.Errorf("%s: got changed %t, %v, want %v", name, changed, err, tc.want)
		}
	}
}

// An order cannot fall short of what it does not ask for.
func TestRejectRefusesMismatches(t *testing.T) {
	for name, shortages := range map[string][]event.Shortage{
		"another product":  {{ProductID: staffID, Requested: 2, Available: 1}},
		"another quantity": {{ProductID: soup, Requested: 3, Available: 2}},
		"no shortage":      {{ProductID: soup, Requested: 2, Available: 2}},
		"less than none":   {{ProductID: soup, Requested: 2, Available: -1}},
		"none":             {},
	} {
		order, failed := orderIn(t, event.StatusPending), failedStock()
		failed.Shortages = shortages
		if changed, err := order.Reject(failed, anEvent, noon); !errors.Is(err, errMismatch) || changed || order.Status != event.StatusPending {
			t.Errorf("%s: got changed %t, %v, order %s, want errMismatch and no change", name, changed, err, order.Status)
		}
	}
}

// Product knows that an order was cancelled whose cancellation this service has lost. Only a PENDING order believes it: the answer may be
// old.
func TestReleasedReservationCancelsAPendingOrder(t *testing.T) {
	for _, status := range statuses() {
		order := orderIn(t, status)
		changed, err := order.Reject(event.StockFailed{OrderID: order.ID, Version: 1, Reason: event.ReasonReleased}, anEvent, noon)
		if pending := status == event.StatusPending; err != nil || changed != pending || (order.Status != status) != pending {
			t.Errorf("%s: got changed %t, %v, order %s", status, changed, err, order.Status)
		}
		if status == event.StatusPending && (order.Status != event.StatusCancelled || order.statusEvent().Reason != event.ReasonReleased) {
			t.Errorf("got %+v, want CANCELLED, %s", order.statusEvent(), event.ReasonReleased)
		}
	}
}

func TestRejectRecordsReasonAndShortages(t *testing.T) {
	order := orderIn(t, event.StatusRejected)
	if order.Reason != "insufficient_stock" || len(order.Shortages) != 1 || order.Total != nil {
		t.Errorf("got %+v, want insufficient_stock with one shortage", order)
	}
}

func TestAnnounceAgainKeepsTheVersion(t *testing.T) {
	order := orderIn(t, event.StatusPending)
	later := noon.Add(time.Minute)
	if order.AnnounceAgain(2, later) {
		t.Error("announced by another replica in the meantime: got true, want false")
	}
	if !order.AnnounceAgain(1, later) || order.AnnouncedAt != later || order.Announced != 2 {
		t.Errorf("got %+v, want announced 2 times, last at %s", order, later)
	}
	if order.Version != 1 || len(order.History) != 1 || order.UpdatedAt != noon {
		t.Errorf("got %+v, want the same version, history and time", order)
	}
	if order.AnnounceAgain(1, later) {
		t.Error("again at once: got true, want false")
	}
}

func TestOnlyPendingOrdersAreRecovered(t *testing.T) {
	for _, state := range statuses() {
		order := orderIn(t, state)
		later := noon.Add(time.Hour)
		if got, want := order.AnnounceAgain(1, later), state == event.StatusPending; got != want {
			t.Errorf("%s: got AnnounceAgain %t, want %t", state, got, want)
		}
		if got, want := order.GiveUp(later), state == event.StatusPending; got != want {
			t.Errorf("%s: got GiveUp %t, want %t", state, got, want)
		}
	}
	order := orderIn(t, event.StatusPending)
	if !order.GiveUp(noon) || order.Reason != "timed_out" || order.History[1].Actor.Role != "recovery" {
		t.Errorf("got %+v, want timed_out by the recovery", order)
	}
}

func TestEventsDescribeTheOrder(t *testing.T) {
	order := orderIn(t, event.StatusRejected)
	placed := order.placedEvent()
	if placed.OrderID != someOrder || placed.CustomerID != customerID || len(placed.Items) != 2 ||
		placed.Items[0] != (event.OrderLine{ProductID: soup, Quantity: 2}) {
		t.Errorf("got %+v, want 2 lines, the first with 2 soups", placed)
	}
	want := event.OrderStatus{OrderID: someOrder, Version: 2, CustomerID: customerID, Status: "REJECTED",
		Reason: "insufficient_stock", At: noon}
	if got := order.statusEvent(); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
}
