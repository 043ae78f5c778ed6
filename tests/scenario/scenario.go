package scenario

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/uuid"

	"comanda/tests/client"
)

// User is a logged-in account.
type User struct {
	*client.Client
	ID     string
	Person client.Person
}

// Scenario creates users, dishes and orders in one running system. Every journey starts with one.
type Scenario struct {
	Anonymous *client.Client
	Admin     *client.Client

	t testing.TB
}

// New creates a scenario in the system at a gateway's address and logs in its administrator.
func New(t testing.TB, url, adminEmail, adminPassword string) *Scenario {
	t.Helper()
	s := &Scenario{Anonymous: client.New(url), t: t}
	checkContract(t, s.Anonymous)
	Eventually(t, "the first administrator can log in", func(ctx context.Context) error {
		admin, err := s.Anonymous.Login(ctx, adminEmail, adminPassword)
		s.Admin = admin
		return err
	})
	return s
}

// For returns the same scenario for another test, such as a subtest.
func (s *Scenario) For(t testing.TB) *Scenario {
	return &Scenario{Anonymous: s.Anonymous, Admin: s.Admin, t: t}
}

// NewPerson returns a person with a unique e-mail address and a random phone number.
func NewPerson() client.Person {
	unique := strings.ReplaceAll(uuid.NewString(), "-", "")
	return client.Person{
		Email: unique + "@example.com", Password: "correct horse " + unique[:8], Name: "Ana " + unique[:6],
		Phone:   fmt.Sprintf("+346%08d", rand.IntN(100_000_000)),
		Address: &client.Address{Street: "Calle Mayor 1", City: "Madrid", PostalCode: "28013", Country: "ES"},
	}
}

// Customer registers a new person and logs them in.
func (s *Scenario) Customer() User {
	s.t.Helper()
	return s.Register(NewPerson())
}

// Register registers this person, waits until the account is ACTIVE, and logs them in.
func (s *Scenario) Register(person client.Person) User {
	s.t.Helper()
	ctx := s.t.Context()
	begun := Try(s.Anonymous.Register(ctx, person)).OrFail(s.t)
	settled := Try(s.Anonymous.Registration(ctx, begun.UserID, SagaTimeout)).OrFail(s.t)
	if settled.Status != client.AccountActive {
		s.t.Fatalf("registration of %s: got %+v, want ACTIVE", person.Email, settled)
	}
	return User{Try(s.Anonymous.Login(ctx, person.Email, person.Password)).OrFail(s.t), begun.UserID, person}
}

// VerifyPhone verifies the phone number of a user, which from then on belongs to them alone.
func (s *Scenario) VerifyPhone(user User) {
	s.t.Helper()
	if err := s.Admin.VerifyPhone(s.t.Context(), user.ID, user.Person.Phone); err != nil {
		s.t.Fatalf("verify the phone number of %s: %v", user.Person.Email, err)
	}
}

// Staff registers a customer, gives them the staff role and logs them in.
func (s *Scenario) Staff() User {
	s.t.Helper()
	cook := s.Customer()
	Try(s.Admin.SetRoles(s.t.Context(), cook.ID, client.RoleCustomer, client.RoleStaff)).OrFail(s.t)
	cook.Client = Try(s.Anonymous.Login(s.t.Context(), cook.Person.Email, cook.Person.Password)).OrFail(s.t)
	return cook
}

// Dish puts a dish on the menu that only this test uses.
func (s *Scenario) Dish(stock int, priceCents int64) client.Product {
	s.t.Helper()
	return Try(s.Admin.AddProduct(s.t.Context(), client.NewProduct{
		Name: "Tortilla " + uuid.NewString()[:8], Category: "tests", PriceCents: priceCents, Stock: stock,
	})).OrFail(s.t)
}

// WantStock waits until a dish has these stock quantities.
func (s *Scenario) WantStock(dish client.Product, available, reserved, sold int) {
	s.t.Helper()
	want := fmt.Sprintf("available %d, reserved %d, sold %d", available, reserved, sold)
	Eventually(s.t, want, func(ctx context.Context) error {
		now, err := s.Admin.Product(ctx, dish.ID)
		if err != nil {
			return err
		}
		if got := fmt.Sprintf("available %d, reserved %d, sold %d", now.Available, now.Reserved, now.Sold); got != want {
			return fmt.Errorf("%s: got %s", dish.Name, got)
		}
		return nil
	})
}

// Basket returns an order for one dish.
func Basket(dish client.Product, quantity int) client.Basket {
	return client.Basket{Items: []client.Item{{ProductID: dish.ID, Quantity: quantity}}}
}

// PlaceConfirmed places an order and waits until it is CONFIRMED.
func (s *Scenario) PlaceConfirmed(by User, b client.Basket) client.Order {
	s.t.Helper()
	placed := Try(by.Order(s.t.Context(), b)).OrFail(s.t)
	return s.WantStatus(by, placed.ID, client.Confirmed)
}

// WantStatus waits until an order is decided and checks its status.
func (s *Scenario) WantStatus(by User, id, status string) client.Order {
	s.t.Helper()
	order := Try(by.GetOrder(s.t.Context(), id, SagaTimeout)).OrFail(s.t)
	if order.Status != status {
		s.t.Fatalf("order %s: got %s (%s), want %s: %s", id, order.Status, order.Reason, status, Story(s.t, by.Client, id))
	}
	return order
}
