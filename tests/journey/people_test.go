package journey

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/google/uuid"

	"comanda/tests/client"
	"comanda/tests/system"
)

// patience is how long a saga may take on a machine that many tests share. It is no measurement: see latency_test.go.
const patience = 30 * time.Second

// user is somebody with an account who is logged in.
type user struct {
	*client.Client
	id     string
	person client.Person
}

// town is a system with those who work in it: where every journey begins.
type town struct {
	*system.System
	t      testing.TB
	nobody *client.Client
	admin  *client.Client
}

// arrive opens a town in s and logs its administrator in.
func arrive(t testing.TB, s *system.System) *town {
	t.Helper()
	w := &town{System: s, t: t, nobody: client.New(s.URL)}
	eventually(t, "the first administrator can log in", func(ctx context.Context) error {
		admin, err := w.nobody.Login(ctx, s.AdminEmail, s.AdminPassword)
		w.admin = admin
		return err
	})
	return w
}

// somebody is a person nobody else is.
func somebody() client.Person {
	unique := strings.ReplaceAll(uuid.NewString(), "-", "")
	return client.Person{
		Email: unique + "@example.com", Password: "correct horse " + unique[:8], Name: "Ana " + unique[:6],
		Phone:   fmt.Sprintf("+346%08d", rand.IntN(100_000_000)),
		Address: &client.Address{Street: "Calle Mayor 1", City: "Madrid", PostalCode: "28013", Country: "ES"},
	}
}

// customer registers somebody and logs them in.
func (w *town) customer() user {
	w.t.Helper()
	return w.citizen(somebody())
}

// citizen registers this very person and logs them in.
func (w *town) citizen(person client.Person) user {
	w.t.Helper()
	ctx := w.t.Context()
	begun := must(w.nobody.Register(ctx, person))(w.t)
	settled := must(w.nobody.Registration(ctx, begun.UserID, patience))(w.t)
	if settled.Status != client.AccountActive {
		w.t.Fatalf("registration of %s: %+v, want ACTIVE", person.Email, settled)
	}
	return user{must(w.nobody.Login(ctx, person.Email, person.Password))(w.t), begun.UserID, person}
}

// staff is a customer whom the administrator has given the role.
func (w *town) staff() user {
	w.t.Helper()
	cook := w.customer()
	must(w.admin.SetRoles(w.t.Context(), cook.id, client.RoleCustomer, client.RoleStaff))(w.t)
	cook.Client = must(w.nobody.Login(w.t.Context(), cook.person.Email, cook.person.Password))(w.t)
	return cook
}

// dish puts a dish of this test alone on the menu.
func (w *town) dish(stock int, priceCents int64) client.Product {
	w.t.Helper()
	return must(w.admin.AddProduct(w.t.Context(), client.NewProduct{
		Name: "Tortilla " + uuid.NewString()[:8], Category: "tests", PriceCents: priceCents, Stock: stock,
	}))(w.t)
}

// wantStock waits until a dish's stock is as it should be.
func (w *town) wantStock(dish client.Product, available, reserved, sold int) {
	w.t.Helper()
	want := fmt.Sprintf("available %d, reserved %d, sold %d", available, reserved, sold)
	eventually(w.t, want, func(ctx context.Context) error {
		now, err := w.admin.Product(ctx, dish.ID)
		if err != nil {
			return err
		}
		if got := fmt.Sprintf("available %d, reserved %d, sold %d", now.Available, now.Reserved, now.Sold); got != want {
			return fmt.Errorf("%s: %s", dish.Name, got)
		}
		return nil
	})
}

// basket is an order of quantity of a dish.
func basket(dish client.Product, quantity int) client.Basket {
	return client.Basket{Items: []client.Item{{ProductID: dish.ID, Quantity: quantity}}}
}

// confirmed places an order and waits until it is confirmed.
func (w *town) confirmed(by user, b client.Basket) client.Order {
	w.t.Helper()
	placed := must(by.Order(w.t.Context(), b))(w.t)
	return w.settled(by, placed.ID, client.Confirmed)
}

// settled waits until an order is decided, and wants this decision.
func (w *town) settled(by user, id, status string) client.Order {
	w.t.Helper()
	order := must(by.GetOrder(w.t.Context(), id, patience))(w.t)
	if order.Status != status {
		w.t.Fatalf("order %s is %s (%s), want %s", id, order.Status, order.Reason, status)
	}
	return order
}

// must returns the value of a call that has to succeed.
func must[T any](value T, err error) func(testing.TB) T {
	return func(t testing.TB) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return value
	}
}

// refused wants a call to be refused with this status, as problem+json, and returns the refusal.
func refused[T any](_ T, err error) func(t testing.TB, status int) *client.Problem {
	return func(t testing.TB, status int) *client.Problem {
		t.Helper()
		return wantProblem(t, err, status)
	}
}

func wantProblem(t testing.TB, err error, status int) *client.Problem {
	t.Helper()
	problem := client.Refused(err)
	if problem == nil {
		t.Fatalf("got %v, want a %d", err, status)
	}
	if problem.Status != status {
		t.Fatalf("got %v, want a %d", problem, status)
	}
	if cause := problem.Unwrap(); cause != nil {
		t.Fatalf("%v: %v", problem, cause)
	}
	if !strings.HasPrefix(problem.Type, "/problems/") || problem.Title == "" {
		t.Errorf("a problem without type or title: %+v", problem)
	}
	return problem
}

// eventually waits until check succeeds, which says what has to become true.
func eventually(t testing.TB, what string, check func(context.Context) error) {
	t.Helper()
	eventuallyWithin(t, patience, what, check)
}

func eventuallyWithin(t testing.TB, within time.Duration, what string, check func(context.Context) error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), within)
	defer cancel()
	var err error
	for pause := 5 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		if now := check(ctx); now == nil {
			return
		} else if ctx.Err() == nil || err == nil {
			err = now
		}
		select {
		case <-ctx.Done():
			t.Fatalf("after %v still not: %s: %v", within, what, err)
		case <-time.After(pause):
		}
	}
}
