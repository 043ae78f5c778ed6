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

// readMenu reads the whole menu. It keeps the dishes with at least 3 available, the largest stock first.
func (d *demo) readMenu(ctx context.Context) error {
	categories := map[string]bool{}
	for page := (client.Page{Limit: 100}); ; {
		got, err := d.ana.Menu(ctx, client.Search{Page: page})
		if err != nil {
			return err
		}
		for _, dish := range got.Items {
			categories[dish.Category] = true
			d.menu = append(d.menu, dish)
		}
		if page.Cursor = got.NextCursor; page.Cursor == "" {
			break
		}
	}
	d.printStep("Ana", "reads the menu: %d dishes in %d categories", len(d.menu), len(categories))
	d.menu = slices.DeleteFunc(d.menu, func(dish client.Product) bool { return dish.Available < 3 })
	slices.SortStableFunc(d.menu, func(a, b client.Product) int { return cmp.Compare(b.Available, a.Available) })
	if len(d.menu) < 3 || d.menu[len(d.menu)-1].Available >= maxQuantity {
		return errors.New("the demo needs 3 dishes with at least 3 available, and one of them with fewer than 100: " +
			"start Comanda with an empty state directory to get the demo menu")
	}
	return nil
}

// placeOrder places an order of Ana, prints it, and checks that it is PENDING.
func (d *demo) placeOrder(ctx context.Context, items ...client.Item) (client.Order, error) {
	placed, err := d.ana.Order(ctx, client.Basket{Items: items, Notes: "no onions, please"})
	if err != nil {
		return placed, err
	}
	var lines []string
	for _, item := range items {
		lines = append(lines, fmt.Sprintf("%d %s", item.Quantity, d.dishName(item.ProductID)))
	}
	d.printStep("Ana", "orders %s: %s", strings.Join(lines, " and "), placed.Status)
	if placed.Status != client.Pending {
		return placed, fmt.Errorf("a new order is %s, not PENDING", placed.Status)
	}
	return placed, nil
}

// awaitLiveStatus waits until the live stream shows a status.
func (d *demo) awaitLiveStatus(ctx context.Context, tracking *liveStream, status string) error {
	if _, err := tracking.awaitStatus(ctx, status); err != nil {
		return err
	}
	d.printStep("Ana", "sees it live: %s", status)
	return nil
}

func (d *demo) dishName(id string) string {
	for _, dish := range d.menu {
		if dish.ID == id {
			return dish.Name
		}
	}
	return id
}

// availableStock returns the available quantities of some dishes.
func (d *demo) availableStock(ctx context.Context, dishes ...client.Product) (map[string]int, error) {
	available := map[string]int{}
	for _, dish := range dishes {
		now, err := d.kitchen.Product(ctx, dish.ID)
		if err != nil {
			return nil, err
		}
		available[dish.ID] = now.Available
	}
	return available, nil
}

// awaitStock waits until every dish has the wanted available quantity, and then prints the quantities after label. Product
// changes them only after the order's event.
func (d *demo) awaitStock(ctx context.Context, want map[string]int, label string) error {
	for deadline := time.Now().Add(patience); ; {
		var lines []string
		wrong := ""
		for id, available := range want {
			now, err := d.kitchen.Product(ctx, id)
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
			d.printStep("product", "%s%s", label, strings.Join(lines, ", "))
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
func (d *demo) restock(ctx context.Context, before map[string]int, sold map[string]int) error {
	for id, quantity := range sold {
		if _, err := d.kitchen.AddStock(ctx, id, quantity); err != nil {
			return err
		}
	}
	d.printStep("kitchen", "cooks as much again")
	return d.awaitStock(ctx, before, "the stock is as before: ")
}
