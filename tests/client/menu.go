package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// Product is a dish on the menu. The API shows Reserved and Sold only to staff.
type Product struct {
	ID          string    `json:"id"`
	Name        string    `json:"name"`
	Description string    `json:"description"`
	Category    string    `json:"category"`
	PriceCents  int64     `json:"priceCents"`
	Currency    string    `json:"currency"`
	Available   int       `json:"available"`
	Reserved    int       `json:"reserved"`
	Sold        int       `json:"sold"`
	Active      bool      `json:"active"`
	Version     int       `json:"version"`
	CreatedAt   time.Time `json:"createdAt"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

// NewProduct is the body that adds a dish to the menu.
type NewProduct struct {
	Name        string `json:"name"`
	Description string `json:"description,omitempty"`
	Category    string `json:"category"`
	PriceCents  int64  `json:"priceCents"`
	Currency    string `json:"currency,omitempty"`
	Stock       int    `json:"stock,omitempty"`
}

// ProductChange is a partial update of a dish; a nil member stays unchanged.
type ProductChange struct {
	Name        *string `json:"name,omitempty"`
	Description *string `json:"description,omitempty"`
	Category    *string `json:"category,omitempty"`
	PriceCents  *int64  `json:"priceCents,omitempty"`
	Active      *bool   `json:"active,omitempty"`
}

// Search filters the menu.
type Search struct {
	Query    string
	Category string
	Page
}

// Menu lists the dishes that can be ordered, by category and name.
func (c *Client) Menu(ctx context.Context, search Search) (List[Product], error) {
	more := url.Values{}
	if search.Query != "" {
		more.Set("query", search.Query)
	}
	if search.Category != "" {
		more.Set("category", search.Category)
	}
	return call[List[Product]](ctx, c, Request{Method: http.MethodGet, Path: "/products" + search.query(more)})
}

// Product returns one dish.
func (c *Client) Product(ctx context.Context, id string) (Product, error) {
	return call[Product](ctx, c, Request{Method: http.MethodGet, Path: "/products/" + url.PathEscape(id)})
}

// AddProduct puts a dish on the menu (administrators only).
func (c *Client) AddProduct(ctx context.Context, p NewProduct) (Product, error) {
	return call[Product](ctx, c, Request{Method: http.MethodPost, Path: "/products", Body: p})
}

// ChangeProduct changes a dish (administrators only).
func (c *Client) ChangeProduct(ctx context.Context, id string, change ProductChange) (Product, error) {
	return call[Product](ctx, c, Request{Method: http.MethodPatch, Path: "/products/" + url.PathEscape(id), Body: change})
}

// AddStock adds delta to the available quantity; delta may be negative (staff and administrators).
func (c *Client) AddStock(ctx context.Context, id string, delta int) (Product, error) {
	return call[Product](ctx, c, Request{Method: http.MethodPost, Path: "/products/" + url.PathEscape(id) + "/stock",
		Body: map[string]int{"delta": delta}})
}
