package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"strings"
	"time"

	"comanda/tests/client"
)

// demo holds the demo's clients and the dishes on the menu.
type demo struct {
	*printer
	anonymous, ana, kitchen *client.Client
	menu                    []client.Product
}

// run plays all parts of the demo and returns the first error.
func run(ctx context.Context, getenv func(string) string, pause time.Duration, out io.Writer) error {
	settings, err := loadSettings(getenv)
	if err != nil {
		return err
	}
	d := &demo{printer: &printer{out: out, begun: time.Now(), pause: pause}, anonymous: client.New(settings.URL)}
	if err := d.anonymous.Ready(ctx); err != nil {
		if client.Refused(err) != nil {
			return fmt.Errorf("the system at %s is not ready, or is not Comanda's gateway: wait, or correct COMANDA_URL: %w", settings.URL, err)
		}
		return fmt.Errorf("no response from %s (COMANDA_URL): %w", settings.URL, errNothingRuns)
	}
	_, _ = fmt.Fprintf(out, "Comanda at %s\n", settings.URL)
	if d.kitchen, err = d.logInKitchen(ctx, settings); err != nil {
		return fmt.Errorf("the kitchen cannot log in as %s: %w", settings.KitchenEmail, err)
	}
	for _, part := range []struct {
		title string
		play  func(context.Context) error
	}{
		{"1. A customer registers", d.register},
		{"2. She orders, and follows her order to the door", d.orderUntilDelivered},
		{"3. She orders more than there is", d.orderMoreThanTheStock},
		{"4. She changes her mind", d.cancelOrder},
	} {
		d.printTitle(part.title)
		if err := part.play(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.title, err)
		}
	}
	_, _ = fmt.Fprintf(out, "\nAll as it should be, in %.1f s.\n", time.Since(d.begun).Seconds())
	return nil
}

// logInKitchen logs in the kitchen. If the login fails and the admin is known, it registers the kitchen, and the admin grants
// the role.
func (d *demo) logInKitchen(ctx context.Context, s settings) (*client.Client, error) {
	kitchen, refused := d.anonymous.Login(ctx, s.KitchenEmail, s.KitchenPassword)
	if refused == nil || s.AdminEmail == "" {
		return kitchen, refused
	}
	admin, err := d.anonymous.Login(ctx, s.AdminEmail, s.AdminPassword)
	if err != nil {
		return nil, fmt.Errorf("%w, and the admin cannot log in to create its account: %w", refused, err)
	}
	person := client.Person{Email: s.KitchenEmail, Password: s.KitchenPassword, Name: "Kim Kitchen"}
	begun, err := d.anonymous.Register(ctx, person)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", refused, err)
	}
	if _, err := d.anonymous.Registration(ctx, begun.UserID, patience); err != nil {
		return nil, err
	}
	if _, err := admin.SetRoles(ctx, begun.UserID, client.RoleCustomer, client.RoleStaff); err != nil {
		return nil, err
	}
	return d.anonymous.Login(ctx, s.KitchenEmail, s.KitchenPassword)
}

// register registers Ana and logs her in.
func (d *demo) register(ctx context.Context) error {
	unique := strings.ToLower(rand.Text()[:8])
	person := client.Person{
		Email: "ana-" + unique + "@example.com", Password: rand.Text(), Name: "Ana",
		Address: &client.Address{Street: "Calle Mayor 1", City: "Madrid", PostalCode: "28013", Country: "ES"},
	}
	begun, err := d.anonymous.Register(ctx, person)
	if err != nil {
		return err
	}
	d.printStep("Ana", "registers as %s: %s", person.Email, begun.Status)
	settled, err := d.anonymous.Registration(ctx, begun.UserID, patience)
	if err != nil {
		return err
	}
	d.printStep("auth", "asked user for her profile: %s", settled.Status)
	if settled.Status != client.AccountActive {
		return fmt.Errorf("the account is %s %s, not ACTIVE", settled.Status, settled.Reason)
	}
	if d.ana, err = d.anonymous.Login(ctx, person.Email, person.Password); err != nil {
		return err
	}
	d.printStep("Ana", "logs in")
	return nil
}

// orderUntilDelivered places an order and follows it live until it is DELIVERED. Then it restores the stock that was sold.
func (d *demo) orderUntilDelivered(ctx context.Context) error {
	if err := d.readMenu(ctx); err != nil {
		return err
	}
	first, second := d.menu[0], d.menu[1]
	before, err := d.availableStock(ctx, first, second)
	if err != nil {
		return err
	}
	placed, err := d.placeOrder(ctx,
		client.Item{ProductID: first.ID, Quantity: 2}, client.Item{ProductID: second.ID, Quantity: 1})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tracking := watchInBackground(ctx, d.ana, placed.ID)
	if err := d.awaitLiveStatus(ctx, tracking, client.Confirmed); err != nil {
		return err
	}
	confirmed, err := d.ana.GetOrder(ctx, placed.ID, 0)
	if err != nil {
		return err
	}
	if want := 2*first.PriceCents + second.PriceCents; confirmed.TotalCents != want {
		return fmt.Errorf("the total is %s, not %s", money(confirmed.TotalCents, confirmed.Currency), money(want, first.Currency))
	}
	d.printStep("product", "reserved it all, and it comes to %s", money(confirmed.TotalCents, confirmed.Currency))
	for _, step := range []string{client.Preparing, client.Ready, client.OutForDelivery, client.Delivered} {
		d.pauseBetweenSteps(ctx)
		if _, err := d.kitchen.Advance(ctx, placed.ID, step); err != nil {
			return err
		}
		d.printStep("kitchen", "takes it to %s", step)
		if err := d.awaitLiveStatus(ctx, tracking, step); err != nil {
			return err
		}
	}
	return d.restock(ctx, before, map[string]int{first.ID: 2, second.ID: 1})
}

// orderMoreThanTheStock orders more of the scarcest dish than its stock, and one of another dish. Nothing must be reserved.
func (d *demo) orderMoreThanTheStock(ctx context.Context) error {
	scarce, other := d.menu[len(d.menu)-1], d.menu[0]
	before, err := d.availableStock(ctx, scarce, other)
	if err != nil {
		return err
	}
	wanted := before[scarce.ID] + 1
	placed, err := d.placeOrder(ctx,
		client.Item{ProductID: scarce.ID, Quantity: wanted}, client.Item{ProductID: other.ID, Quantity: 1})
	if err != nil {
		return err
	}
	settled, err := d.ana.GetOrder(ctx, placed.ID, patience)
	if err != nil {
		return err
	}
	if settled.Status != client.Rejected || len(settled.Shortages) != 1 {
		return fmt.Errorf("the order is %s with %d shortages, not REJECTED with one", settled.Status, len(settled.Shortages))
	}
	short := settled.Shortages[0]
	d.printStep("Ana", "sees her order %s (%s): %d %s wanted, %d there", settled.Status, settled.Reason,
		short.Requested, scarce.Name, short.Available)
	if short.ProductID != scarce.ID || short.Requested != wanted || short.Available != before[scarce.ID] {
		return errors.New("the shortage names a wrong dish or a wrong quantity")
	}
	return d.awaitStock(ctx, before, "nothing was taken: ")
}

// cancelOrder places an order and cancels it.
func (d *demo) cancelOrder(ctx context.Context) error {
	dish := d.menu[0]
	before, err := d.availableStock(ctx, dish)
	if err != nil {
		return err
	}
	placed, err := d.placeOrder(ctx, client.Item{ProductID: dish.ID, Quantity: 3})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tracking := watchInBackground(ctx, d.ana, placed.ID)
	if err := d.awaitLiveStatus(ctx, tracking, client.Confirmed); err != nil {
		return err
	}
	if err := d.awaitStock(ctx, map[string]int{dish.ID: before[dish.ID] - 3}, "three are reserved: "); err != nil {
		return err
	}
	d.pauseBetweenSteps(ctx)
	if _, err := d.ana.Cancel(ctx, placed.ID, "going out after all"); err != nil {
		return err
	}
	d.printStep("Ana", "cancels it")
	if err := d.awaitLiveStatus(ctx, tracking, client.Cancelled); err != nil {
		return err
	}
	return d.awaitStock(ctx, before, "the stock is back: ")
}
