package growth

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"comanda/services"
	"comanda/tests/client"
	"comanda/tests/scenario"
	"comanda/tests/system"
)

// Password is the password of all customers that Fill has written.
const Password = "correct horse of the customers"

// written are the aggregates that the real services wrote, from which the templates are made.
type written struct {
	t        testing.TB
	sys      *system.System
	s        *scenario.Scenario
	customer scenario.User
	dish     client.Product // was never ordered
	first    client.Product // the dishes of the orders
	second   client.Product
	scarce   client.Product
	owner    string            // the customer of the orders
	staff    string            // the kitchen
	admin    string            // who added the dishes
	orders   map[string]string // ids, by how the order went
}

// How an order went, besides its status.
const deliveredAndRepeated = "DELIVERED, and its request was repeated"

// writeAggregates lets the services write one aggregate of each kind.
func writeAggregates(t testing.TB, sys *system.System) *written {
	s := scenario.New(t, sys.URL, sys.AdminEmail, sys.AdminPassword)
	w := &written{t: t, sys: sys, s: s, orders: map[string]string{}}
	person := scenario.NewPerson()
	person.Password = Password
	w.customer = s.Register(person)
	w.confirmProfile()
	w.admin = scenario.Try(s.Admin.Me(t.Context())).OrFail(t).ID
	w.dish = w.addDish("Dish of the template", maxStock)
	w.first, w.second = w.addDish("First dish of the orders", 1000), w.addDish("Second dish of the orders", 1000)
	w.scarce = w.addDish("Scarce dish", 1)
	w.placeOrders()
	return w
}

// maxStock is the initial stock of each dish, and the API's limit.
const maxStock = 1_000_000

func (w *written) addDish(name string, stock int) client.Product {
	return scenario.Try(w.s.Admin.AddProduct(w.t.Context(), client.NewProduct{
		Name: name, Description: "Description of " + name, Category: "Category of " + name, PriceCents: 1290, Stock: stock,
	})).OrFail(w.t)
}

// confirmProfile waits until the service user has asked auth about the profile, as it does with each profile some time after its
// registration. The profile looks older meanwhile, so that this is now.
func (w *written) confirmProfile() {
	conn := scenario.Try(pgx.Connect(w.t.Context(), w.sys.DatabaseURL("user"))).OrFail(w.t)
	defer func() { _ = conn.Close(context.Background()) }()
	age := func(d time.Duration) {
		if _, err := conn.Exec(w.t.Context(), `update state set created_at = created_at - $2::interval where key = $1`,
			"profile-"+w.customer.ID, d); err != nil {
			w.t.Fatal(err)
		}
	}
	age(24 * time.Hour)
	scenario.EventuallyWithin(w.t, 2*time.Minute, "the profile is confirmed", func(ctx context.Context) error {
		var confirmed bool
		err := conn.QueryRow(ctx, `select doc(value) -> 'confirmedAt' is not null from state where key = $1`,
			"profile-"+w.customer.ID).Scan(&confirmed)
		if err == nil && !confirmed {
			err = fmt.Errorf("profile %s has no confirmedAt", w.customer.ID)
		}
		return err
	})
	age(-24 * time.Hour)
}

// placeOrders places an order for each way that an order can go.
func (w *written) placeOrders() {
	ctx, ana, cook := w.t.Context(), w.s.Customer(), w.s.Staff()
	w.owner, w.staff = ana.ID, cook.ID
	basket := client.Basket{DeliveryAddress: ana.Person.Address, Notes: "no onions, please",
		Items: []client.Item{{ProductID: w.first.ID, Quantity: 1}, {ProductID: w.second.ID, Quantity: 2}}}
	kitchen := []string{client.Confirmed, client.Preparing, client.Ready, client.OutForDelivery, client.Delivered}
	for i, status := range append(kitchen, deliveredAndRepeated) {
		key := uuid.NewString()
		placed := scenario.Try(ana.OrderOnce(ctx, key, basket)).OrFail(w.t)
		w.s.WantStatus(ana, placed.ID, client.Confirmed)
		for _, next := range kitchen[1:max(1, min(i, 4)+1)] {
			scenario.Try(cook.Advance(ctx, placed.ID, next)).OrFail(w.t)
		}
		if status == deliveredAndRepeated {
			scenario.Try(ana.OrderOnce(ctx, key, basket)).OrFail(w.t)
		}
		w.orders[status] = placed.ID
	}
	cancelled := w.s.PlaceConfirmed(ana, basket)
	scenario.Try(ana.Cancel(ctx, cancelled.ID, "changed my mind")).OrFail(w.t)
	rejected := scenario.Try(ana.Order(ctx, scenario.Basket(w.scarce, 2))).OrFail(w.t)
	w.s.WantStatus(ana, rejected.ID, client.Rejected)
	w.orders[client.Cancelled], w.orders[client.Rejected] = cancelled.ID, rejected.ID
	scenario.Invariants{Database: w.sys.DatabaseURL, Kafka: scenario.Try(w.sys.Kafka.Settings().ClientOptions()).OrFail(w.t)}.Want(w.t)
}

// templates are the templates of each service's database.
type templates map[string][]numbered

// add adds templates of an aggregate's rows in all databases. source returns the numbered rows s for a table.
func (all templates) add(
	ctx context.Context, conns map[string]*pgx.Conn, kind, id string, known map[string]string, source func(table string) string,
) error {
	found := map[string][]row{}
	var every []row
	for _, service := range services.Stateful {
		rows, err := rowsOf(ctx, conns[service], id)
		if err != nil {
			return err
		}
		found[service] = rows
		every = append(every, rows...)
	}
	if len(every) == 0 {
		return fmt.Errorf("the services have written no rows for %s of %s", id, kind)
	}
	begun, err := earliest(every)
	if err != nil {
		return err
	}
	for service, rows := range found {
		for _, r := range rows {
			t, err := newTemplate(r, known, begun)
			if err != nil {
				return err
			}
			all[service] = append(all[service], numbered{t, kind, source(r.table)})
		}
	}
	return nil
}
