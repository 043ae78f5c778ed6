package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"comanda/tests/client"
)

// maxQuantity is the API's limit for one line. The scarcest dish needs a smaller stock, so that an order can exceed it.
const maxQuantity = 100

// browse reads the whole menu and keeps the dishes of which at least 3 are available, the largest stock first.
func (p *play) browse(ctx context.Context) error {
	categories := map[string]bool{}
	for page := (client.Page{Limit: 100}); ; {
		got, err := p.ana.Menu(ctx, client.Search{Page: page})
		if err != nil {
			return err
		}
		for _, dish := range got.Items {
			categories[dish.Category] = true
			p.menu = append(p.menu, dish)
		}
		if page.Cursor = got.NextCursor; page.Cursor == "" {
			break
		}
	}
	p.tell("Ana", "reads the menu: %d dishes in %d categories", len(p.menu), len(categories))
	p.menu = slices.DeleteFunc(p.menu, func(dish client.Product) bool { return dish.Available < 3 })
	slices.SortStableFunc(p.menu, func(a, b client.Product) int { return cmp.Compare(b.Available, a.Available) })
	if len(p.menu) < 3 || p.menu[len(p.menu)-1].Available >= maxQuantity {
		return errors.New("the demo needs 3 dishes with at least 3 available, and one of them with fewer than 100: start Comanda with an empty state directory to get the demo menu")
	}
	return nil
}

func (p *play) order(ctx context.Context, items ...client.Item) (client.Order, error) {
	placed, err := p.ana.Order(ctx, client.Basket{Items: items, Notes: "no onions, please"})
	if err != nil {
		return placed, err
	}
	var lines []string
	for _, item := range items {
		lines = append(lines, fmt.Sprintf("%d %s", item.Quantity, p.name(item.ProductID)))
	}
	p.tell("Ana", "orders %s: %s", strings.Join(lines, " and "), placed.Status)
	if placed.Status != client.Pending {
		return placed, fmt.Errorf("a new order is %s, not PENDING", placed.Status)
	}
	return placed, nil
}

// see waits until the live stream shows a status.
func (p *play) see(ctx context.Context, tracking *live, status string) error {
	if _, err := tracking.until(ctx, status); err != nil {
		return err
	}
	p.tell("Ana", "sees it live: %s", status)
	return nil
}

func (p *play) name(id string) string {
	for _, dish := range p.menu {
		if dish.ID == id {
			return dish.Name
		}
	}
	return id
}

// stock returns the available quantities of some dishes.
func (p *play) stock(ctx context.Context, dishes ...client.Product) (map[string]int, error) {
	available := map[string]int{}
	for _, dish := range dishes {
		now, err := p.kitchen.Product(ctx, dish.ID)
		if err != nil {
			return nil, err
		}
		available[dish.ID] = now.Available
	}
	return available, nil
}

// awaitStock waits until every dish has the wanted available quantity, and then prints the quantities after label. Product
// changes them only after the order's event.
func (p *play) awaitStock(ctx context.Context, want map[string]int, label string) error {
	for deadline := time.Now().Add(patience); ; {
		var lines []string
		wrong := ""
		for id, available := range want {
			now, err := p.kitchen.Product(ctx, id)
			if err != nil {
				return err
			}
			lines = append(lines, fmt.Sprintf("%d %s", now.Available, now.Name))
			if now.Available != available {
				wrong = fmt.Sprintf("available: got %d %s, want %d", now.Available, now.Name, available)
			}
		}
		if wrong == "" {
			slices.Sort(lines)
			p.tell("product", "%s%s", label, strings.Join(lines, ", "))
			return nil
		}
		if time.Now().After(deadline) {
			return errors.New(wrong)
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond):
		}
	}
}

// restock adds the sold quantities to the stock, so that the demo can run again.
func (p *play) restock(ctx context.Context, before map[string]int, sold map[string]int) error {
	for id, quantity := range sold {
		if _, err := p.kitchen.AddStock(ctx, id, quantity); err != nil {
			return err
		}
	}
	p.tell("kitchen", "cooks as much again")
	return p.awaitStock(ctx, before, "the stock is as before: ")
}
