package main

import (
	"context"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/uuid"

	"comanda/services/internal/audit"
	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
	"comanda/services/internal/token"
)

// Each change leaves one entry, however often its request is repeated. A request that changes nothing, or fails, leaves none.
func TestEveryChangeOfMenuAndStockIsInTheAuditTrail(t *testing.T) {
	t.Parallel()
	s := newStore(t)
	claims := token.Claims{}
	claims.Subject = uuid.NewString()
	ctx := rest.WithClient(token.With(t.Context(), claims), "192.0.2.1/32")
	draft := Draft{Name: "Soup", Category: "Starters", PriceCents: ptr(int64(600)), Stock: 3}
	p, err := draft.Product(uuid.NewString(), "EUR", s.now())
	if err != nil {
		t.Fatal(err)
	}
	more := movement{uuid.NewString(), p.ID, claims.Subject, 5}
	change := Patch{PriceCents: ptr(int64(700)), Active: ptr(false)}
	for range 2 { // each request and its repetition
		for _, act := range []func(context.Context) error{
			func(ctx context.Context) error { _, _, err := s.AddProduct(ctx, p, "f", claims.Subject); return err },
			func(ctx context.Context) error { _, err := s.ChangeProduct(ctx, p.ID, change); return err },
			func(ctx context.Context) error { _, err := s.MoveStock(ctx, more); return err },
		} {
			if err := act(ctx); err != nil {
				t.Fatal(err)
			}
		}
	}
	if _, err := s.MoveStock(ctx, movement{uuid.NewString(), p.ID, claims.Subject, -100}); err == nil {
		t.Error("a movement below zero succeeded")
	}
	trail := audit.Trail{Service: "product", Pool: s.pool, Cursors: servicetest.Cursors}
	api := servicetest.NewAPI([]rest.Route{{Method: "GET", Path: "/audit/product", Access: rest.Anyone, Handle: trail.List}}, nil)
	var got []string
	for _, e := range servicetest.Decode[rest.List[audit.Entry]](t, api.Request(t, servicetest.Person{}, "GET", "/audit/product", ""), 200).Items {
		got = append(got, string(e.Action)+" "+string(e.Before)+" "+string(e.After))
		if e.Actor != claims.Subject || e.Address != "192.0.2.1/32" || e.Subject != p.ID {
			t.Errorf("got %+v, want its actor, address and subject", e)
		}
	}
	want := []string{
		`product.stock_changed {"available":3} {"available":8}`,
		`product.changed {"active":true,"priceCents":600} {"active":false,"priceCents":700}`,
		`product.created  {"name":"Soup","active":true,"category":"Starters","currency":"EUR","available":3,"priceCents":600,"description":""}`,
	}
	if difference := cmp.Diff(want, got); difference != "" {
		t.Errorf("trail (-want +got):\n%s", difference)
	}
}
