package town

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/tests/client"
)

// User is somebody with an account who is logged in.
type User struct {
	*client.Client
	ID     string
	Person client.Person
}

// Town is a system with those who work in it: where every journey begins.
type Town struct {
	Nobody *client.Client
	Admin  *client.Client

	t testing.TB
}

// Arrive opens a town in the system at a gateway's address and logs its administrator in.
func Arrive(t testing.TB, url, adminEmail, adminPassword string) *Town {
	t.Helper()
	w := &Town{Nobody: client.New(url), t: t}
	Eventually(t, "the first administrator can log in", func(ctx context.Context) error {
		admin, err := w.Nobody.Login(ctx, adminEmail, adminPassword)
		w.Admin = admin
		return err
	})
	return w
}

// In is the same town for another test, such as a part of the one that arrived.
func (w *Town) In(t testing.TB) *Town { return &Town{Nobody: w.Nobody, Admin: w.Admin, t: t} }

// Somebody is a person nobody else is.
func Somebody() client.Person {
	unique := strings.ReplaceAll(uuid.NewString(), "-", "")
	return client.Person{
		Email: unique + "@example.com", Password: "correct horse " + unique[:8], Name: "Ana " + unique[:6],
		Phone:   fmt.Sprintf("+346%08d", rand.IntN(100_000_000)),
		Address: &client.Address{Street: "Calle Mayor 1", City: "Madrid", PostalCode: "28013", Country: "ES"},
	}
}

// Customer registers somebody and logs them in.
func (w *Town) Customer() User {
	w.t.Helper()
	return w.Citizen(Somebody())
}

// Citizen registers this very person and logs them in.
func (w *Town) Citizen(person client.Person) User {
	w.t.Helper()
	ctx := w.t.Context()
	begun := Must(w.Nobody.Register(ctx, person))(w.t)
	settled := Must(w.Nobody.Registration(ctx, begun.UserID, Patience))(w.t)
	if settled.Status != client.AccountActive {
		w.t.Fatalf("registration of %s: %+v, want ACTIVE", person.Email, settled)
	}
	return User{Must(w.Nobody.Login(ctx, person.Email, person.Password))(w.t), begun.UserID, person}
}

// Staff is a customer whom the administrator has given the role.
func (w *Town) Staff() User {
	w.t.Helper()
	cook := w.Customer()
	Must(w.Admin.SetRoles(w.t.Context(), cook.ID, client.RoleCustomer, client.RoleStaff))(w.t)
	cook.Client = Must(w.Nobody.Login(w.t.Context(), cook.Person.Email, cook.Person.Password))(w.t)
	return cook
}

// Dish puts a dish of this test alone on the menu.
func (w *Town) Dish(stock int, priceCents int64) client.Product {
	w.t.Helper()
	return Must(w.Admin.AddProduct(w.t.Context(), client.NewProduct{
		Name: "Tortilla " + uuid.NewString()[:8], Category: "tests", PriceCents: priceCents, Stock: stock,
	}))(w.t)
}

// WantStock waits until a dish's stock is as it should be.
func (w *Town) WantStock(dish client.Product, available, reserved, sold int) {
	w.t.Helper()
	want := fmt.Sprintf("available %d, reserved %d, sold %d", available, reserved, sold)
	Eventually(w.t, want, func(ctx context.Context) error {
		now, err := w.Admin.Product(ctx, dish.ID)
		if err != nil {
			return err
		}
		if got := fmt.Sprintf("available %d, reserved %d, sold %d", now.Available, now.Reserved, now.Sold); got != want {
			return fmt.Errorf("%s: %s", dish.Name, got)
		}
		return nil
	})
}

// Basket is an order of quantity of a dish.
func Basket(dish client.Product, quantity int) client.Basket {
	return client.Basket{Items: []client.Item{{ProductID: dish.ID, Quantity: quantity}}}
}

// Confirmed places an order and waits until it is confirmed.
func (w *Town) Confirmed(by User, b client.Basket) client.Order {
	w.t.Helper()
	placed := Must(by.Order(w.t.Context(), b))(w.t)
	return w.Settled(by, placed.ID, client.Confirmed)
}

// Settled waits until an order is decided, and wants this decision.
func (w *Town) Settled(by User, id, status string) client.Order {
	w.t.Helper()
	order := Must(by.GetOrder(w.t.Context(), id, Patience))(w.t)
	if order.Status != status {
		w.t.Fatalf("order %s is %s (%s), want %s", id, order.Status, order.Reason, status)
	}
	return order
}
