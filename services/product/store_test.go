package main

import (
	"context"
	"fmt"
	"os"
	"sync"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5/pgxpool"

	"comanda/services/internal/database"
	"comanda/services/internal/fault"
	"comanda/services/internal/server"
	"comanda/services/internal/servicetest"
)

func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }

func newStore(t testing.TB) store {
	t.Helper()
	return openStore(servicetest.NewDatabase(t, migrations), server.Clock)
}

// addProduct adds a dish with the given stock to the menu.
func (s store) addProduct(t *testing.T, name string, stock int) Product {
	t.Helper()
	draft := Draft{Name: name, Category: "Mains", PriceCents: ptr(int64(1000)), Stock: stock}
	p, err := draft.Product(uuid.NewString(), "EUR", s.now())
	if err != nil {
		t.Fatal(err)
	}
	p, _, err = s.AddProduct(t.Context(), p, name, "test")
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// wantStockLaw checks the stock law: each product's pieces equal its movements, and the reserved and sold pieces equal the
// lines of the reservations.
func wantStockLaw(t *testing.T, pool *pgxpool.Pool) {
	t.Helper()
	var broken, all int
	err := pool.QueryRow(t.Context(),
		`select count(*) filter (where moved <> held or reserved <> promised or sold <> delivered), count(*)
		from stock_law`).Scan(&broken, &all)
	if err != nil || broken > 0 || all == 0 {
		t.Fatalf("stock law: %d of %d products violate it, want 0 of at least 1 (%v)", broken, all, err)
	}
}

func (s store) stockOf(t *testing.T, id string) Stock {
	t.Helper()
	p, err := s.Product(t.Context(), id)
	if err != nil {
		t.Fatal(err)
	}
	return Stock{p.Available, *p.Reserved, *p.Sold}
}

// runConcurrently runs work n times at once and returns the results.
func runConcurrently[T any](n int, work func(i int) T) []T {
	results := make([]T, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { results[i] = work(i) })
	}
	all.Wait()
	return results
}

func TestReplicasMigrateAndSeedConcurrently(t *testing.T) {
	pool := servicetest.EmptyDatabase(t)
	for _, err := range runConcurrently(5, func(int) error {
		replica, err := database.Open(pool.Config().ConnString())
		if err != nil {
			return err
		}
		defer replica.Close()
		start := func() error {
			if err := database.Migrate(context.Background(), replica, migrations); err != nil {
				return err
			}
			return openStore(replica, time.Now).SeedMenu(context.Background(), "EUR")
		}
		err = start()
		for tries := 0; fault.Is(err, fault.KindUnavailable) && tries < 10; tries++ { // retry after a lock timeout, as Serve does
			err = start()
		}
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	var dishes, categories, least, most int
	err := pool.QueryRow(t.Context(), `select count(*), count(distinct category), min(available), max(available)
		from products join stock on product_id = id`).Scan(&dishes, &categories, &least, &most)
	if err != nil || dishes < 30 || categories < 5 || least < 5 || most > 80 {
		t.Errorf("got %d dishes in %d categories, stock %d to %d (%v), want at least 30, at least 5, stock 5 to 80", dishes, categories,
			least, most, err)
	}
	wantStockLaw(t, pool)
}

func TestOnlyAnEmptyMenuIsSeeded(t *testing.T) {
	s := newStore(t)
	s.addProduct(t, "Ours", 1)
	if err := s.SeedMenu(t.Context(), "EUR"); err != nil {
		t.Fatal(err)
	}
	if found := s.findNames(t, newListing("", "", nil)); len(found) != 1 {
		t.Errorf("got %v, want 1 dish", found)
	}
}

func TestRepeatedRequestAddsOneProduct(t *testing.T) {
	s := newStore(t)
	p, _ := validDraft().Product(uuid.NewString(), "EUR", s.now())
	type result struct {
		p     Product
		added bool
		err   error
	}
	created := 0
	for _, a := range runConcurrently(8, func(int) result {
		got, added, err := s.AddProduct(context.Background(), p, "one", "admin")
		return result{got, added, err}
	}) {
		if a.err != nil || a.p.ID != p.ID || a.p.Available != 10 {
			t.Errorf("got %+v, %v, want product %s with 10 pieces", a.p, a.err, p.ID)
		}
		if a.added {
			created++
		}
	}
	if created != 1 {
		t.Errorf("got %d products added, want 1", created)
	}
	if _, _, err := s.AddProduct(t.Context(), p, "another", "admin"); !fault.Is(err, fault.KindInvalid) {
		t.Errorf("same key with another body: got %v, want an invalid request", err)
	}
	wantStockLaw(t, s.pool)
}

func TestInactiveProductsAreNotListed(t *testing.T) {
	s := newStore(t)
	p := s.addProduct(t, "Soup", 3)
	changed, err := s.ChangeProduct(t.Context(), p.ID, Patch{Active: ptr(false)})
	if err != nil || changed.Active || changed.Version != 2 {
		t.Fatalf("got %+v, %v, want an inactive product in version 2", changed, err)
	}
	if again, err := s.ChangeProduct(t.Context(), p.ID, Patch{Active: ptr(false)}); err != nil || again.Version != 2 ||
		!again.UpdatedAt.Equal(changed.UpdatedAt) {
		t.Errorf("repeated change: got %+v, %v, want version 2", again, err)
	}
	if found := s.findNames(t, newListing("", "", ptr(true))); len(found) != 0 {
		t.Errorf("got %v, want no products", found)
	}
	if got, err := s.Product(t.Context(), p.ID); err != nil || got.Active {
		t.Errorf("got %+v, %v, want the inactive product", got, err)
	}
	entries, err := s.MenuEntries(t.Context(), []string{p.ID, p.ID, uuid.NewString()})
	if err != nil || len(entries) != 1 || entries[0] != (MenuEntry{p.ID, "Soup", false}) {
		t.Errorf("got %v, %v, want one inactive entry", entries, err)
	}
	if _, err := s.ChangeProduct(t.Context(), uuid.NewString(), Patch{}); !fault.Is(err, fault.KindNotFound) {
		t.Errorf("unknown product: got %v, want not found", err)
	}
}

func TestConcurrentChangesOfOneProductAllCount(t *testing.T) {
	s := newStore(t)
	p := s.addProduct(t, "Soup", 3)
	for _, err := range runConcurrently(10, func(i int) error {
		_, err := s.ChangeProduct(context.Background(), p.ID, Patch{Description: ptr(fmt.Sprint(i))})
		return err
	}) {
		if err != nil {
			t.Error(err)
		}
	}
	if got, _ := s.Product(t.Context(), p.ID); got.Version != 11 {
		t.Errorf("got version %d, want 11", got.Version)
	}
}
