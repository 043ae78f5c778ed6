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

// play holds the demo's clients and the dishes on the menu.
type play struct {
	*stage
	anonymous, ana, kitchen *client.Client
	menu                    []client.Product
}

// run plays all acts and returns the first error.
func run(ctx context.Context, getenv func(string) string, pause time.Duration, out io.Writer) error {
	settings, err := loadSettings(getenv)
	if err != nil {
		return err
	}
	p := &play{stage: &stage{out: out, begun: time.Now(), pause: pause}, anonymous: client.New(settings.URL)}
	if err := p.anonymous.Ready(ctx); err != nil {
		if client.Refused(err) != nil {
			return fmt.Errorf("the system at %s is not ready yet: %w", settings.URL, err)
		}
		return fmt.Errorf("no response from %s: %w", settings.URL, errNothingRuns)
	}
	_, _ = fmt.Fprintf(out, "Comanda at %s\n", settings.URL)
	if p.kitchen, err = p.logInKitchen(ctx, settings); err != nil {
		return fmt.Errorf("the kitchen cannot log in as %s: %w", settings.KitchenEmail, err)
	}
	for _, act := range []struct {
		title string
		play  func(context.Context) error
	}{
		{"1. A customer registers", p.register},
		{"2. She orders, and follows her order to the door", p.dinner},
		{"3. She orders more than there is", p.tooMuch},
		{"4. She changes her mind", p.changeOfMind},
	} {
		p.act(act.title)
		if err := act.play(ctx); err != nil {
			return fmt.Errorf("%s: %w", act.title, err)
		}
	}
	_, _ = fmt.Fprintf(out, "\nAll as it should be, in %.1f s.\n", time.Since(p.begun).Seconds())
	return nil
}

// logInKitchen logs in the kitchen. If the login fails and the admin is known, it registers the kitchen and the admin grants its role.
func (p *play) logInKitchen(ctx context.Context, s settings) (*client.Client, error) {
	kitchen, refused := p.anonymous.Login(ctx, s.KitchenEmail, s.KitchenPassword)
	if refused == nil || s.AdminEmail == "" {
		return kitchen, refused
	}
	admin, err := p.anonymous.Login(ctx, s.AdminEmail, s.AdminPassword)
	if err != nil {
		return nil, fmt.Errorf("%w, and the admin cannot log in to create its account: %w", refused, err)
	}
	begun, err := p.anonymous.Register(ctx, client.Person{Email: s.KitchenEmail, Password: s.KitchenPassword, Name: "Kim Kitchen"})
	if err != nil {
		return nil, fmt.Errorf("%w: %w", refused, err)
	}
	if _, err := p.anonymous.Registration(ctx, begun.UserID, patience); err != nil {
		return nil, err
	}
	if _, err := admin.SetRoles(ctx, begun.UserID, client.RoleCustomer, client.RoleStaff); err != nil {
		return nil, err
	}
	return p.anonymous.Login(ctx, s.KitchenEmail, s.KitchenPassword)
}

func (p *play) register(ctx context.Context) error {
	unique := strings.ToLower(rand.Text()[:8])
	person := client.Person{
		Email: "ana-" + unique + "@example.com", Password: rand.Text(), Name: "Ana",
		Address: &client.Address{Street: "Calle Mayor 1", City: "Madrid", PostalCode: "28013", Country: "ES"},
	}
	begun, err := p.anonymous.Register(ctx, person)
	if err != nil {
		return err
	}
	p.tell("Ana", "registers as %s: %s", person.Email, begun.Status)
	settled, err := p.anonymous.Registration(ctx, begun.UserID, patience)
	if err != nil {
		return err
	}
	p.tell("auth", "asked user for her profile: %s", settled.Status)
	if settled.Status != client.AccountActive {
		return fmt.Errorf("the account is %s %s, not ACTIVE", settled.Status, settled.Reason)
	}
	if p.ana, err = p.anonymous.Login(ctx, person.Email, person.Password); err != nil {
		return err
	}
	p.tell("Ana", "logs in")
	return nil
}

func (p *play) dinner(ctx context.Context) error {
	if err := p.browse(ctx); err != nil {
		return err
	}
	first, second := p.menu[0], p.menu[1]
	before, err := p.stock(ctx, first, second)
	if err != nil {
		return err
	}
	placed, err := p.order(ctx, client.Item{ProductID: first.ID, Quantity: 2}, client.Item{ProductID: second.ID, Quantity: 1})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tracking := follow(ctx, p.ana, placed.ID)
	if err := p.see(ctx, tracking, client.Confirmed); err != nil {
		return err
	}
	confirmed, err := p.ana.GetOrder(ctx, placed.ID, 0)
	if err != nil {
		return err
	}
	if want := 2*first.PriceCents + second.PriceCents; confirmed.TotalCents != want {
		return fmt.Errorf("the total is %s, not %s", money(confirmed.TotalCents, confirmed.Currency), money(want, first.Currency))
	}
	p.tell("product", "reserved it all, and it comes to %s", money(confirmed.TotalCents, confirmed.Currency))
	for _, step := range []string{client.Preparing, client.Ready, client.OutForDelivery, client.Delivered} {
		p.wait(ctx)
		if _, err := p.kitchen.Advance(ctx, placed.ID, step); err != nil {
			return err
		}
		p.tell("kitchen", "takes it to %s", step)
		if err := p.see(ctx, tracking, step); err != nil {
			return err
		}
	}
	return p.restock(ctx, before, map[string]int{first.ID: 2, second.ID: 1})
}

// tooMuch orders more of the scarcest dish than its stock, and one of another dish, which must not be reserved either.
func (p *play) tooMuch(ctx context.Context) error {
	scarce, other := p.menu[len(p.menu)-1], p.menu[0]
	before, err := p.stock(ctx, scarce, other)
	if err != nil {
		return err
	}
	wanted := before[scarce.ID] + 1
	placed, err := p.order(ctx, client.Item{ProductID: scarce.ID, Quantity: wanted}, client.Item{ProductID: other.ID, Quantity: 1})
	if err != nil {
		return err
	}
	settled, err := p.ana.GetOrder(ctx, placed.ID, patience)
	if err != nil {
		return err
	}
	if settled.Status != client.Rejected || len(settled.Shortages) != 1 {
		return fmt.Errorf("the order is %s with %d shortages, not REJECTED with one", settled.Status, len(settled.Shortages))
	}
	short := settled.Shortages[0]
	p.tell("Ana", "sees her order %s (%s): %d %s wanted, %d there", settled.Status, settled.Reason, short.Requested, scarce.Name, short.Available)
	if short.ProductID != scarce.ID || short.Requested != wanted || short.Available != before[scarce.ID] {
		return errors.New("the shortage names a wrong dish or a wrong quantity")
	}
	return p.awaitStock(ctx, before, "nothing was taken: ")
}

func (p *play) changeOfMind(ctx context.Context) error {
	dish := p.menu[0]
	before, err := p.stock(ctx, dish)
	if err != nil {
		return err
	}
	placed, err := p.order(ctx, client.Item{ProductID: dish.ID, Quantity: 3})
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	tracking := follow(ctx, p.ana, placed.ID)
	if err := p.see(ctx, tracking, client.Confirmed); err != nil {
		return err
	}
	if err := p.awaitStock(ctx, map[string]int{dish.ID: before[dish.ID] - 3}, "three are reserved: "); err != nil {
		return err
	}
	p.wait(ctx)
	if _, err := p.ana.Cancel(ctx, placed.ID, "going out after all"); err != nil {
		return err
	}
	p.tell("Ana", "cancels it")
	if err := p.see(ctx, tracking, client.Cancelled); err != nil {
		return err
	}
	return p.awaitStock(ctx, before, "the stock is back: ")
}
