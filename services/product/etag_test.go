package main

import (
	"testing"

	"github.com/google/uuid"

	"comanda/services/internal/servicetest"
)

// The ETag changes with the dish, and with the part of the stock that the reader sees. Staff see more, so their ETag differs.
func TestProductsHaveAnETag(t *testing.T) {
	h := newHarness(t)
	created := h.Request(t, admin, "POST", "/products", ossoBuco, "Idempotency-Key", "k1")
	path := "/products/" + created.Text("id")
	wantETag := func(name string, got servicetest.Response, code int, etag string) {
		t.Helper()
		if got.Code != code || got.Header.Get("ETag") != etag || got.Header.Get("Content-Location") != "/api/v1"+path ||
			got.Header.Get("Vary") != "" && got.Header.Get("Vary") != "Authorization" {
			t.Errorf("%s: got %d %v, want %d with ETag %s", name, got.Code, got.Header, code, etag)
		}
	}
	wantETag("created", created, 201, `"1-10.0.0"`)
	wantETag("created again", h.Request(t, admin, "POST", "/products", ossoBuco, "Idempotency-Key", "k1"), 200, `"1-10.0.0"`)
	wantETag("for anyone", h.Request(t, anonymous, "GET", path, ""), 200, `"1-10"`)
	wantETag("for a customer", h.Request(t, customer, "GET", path, ""), 200, `"1-10"`)
	wantETag("for staff", h.Request(t, staff, "GET", path, ""), 200, `"1-10.0.0"`)
	wantETag("a PATCH", h.Request(t, admin, "PATCH", path, `{"priceCents":1}`), 200, `"2-10.0.0"`)
	wantETag("a movement", h.Request(t, staff, "POST", path+"/stock", `{"delta":-3}`), 200, `"2-7.0.0"`)
	h.placeOrder(t, uuid.NewString(), created.Text("id"), 2)
	wantETag("a reservation", h.Request(t, staff, "GET", path, ""), 200, `"2-5.2.0"`)
	for _, tc := range []struct {
		who     servicetest.Person
		etag    string
		want    int
		control string
	}{
		{anonymous, `"2-5"`, 304, "no-cache"}, {customer, `"2-5"`, 304, "private, no-cache"},
		{staff, `"2-5.2.0"`, 304, "private, no-cache"},
		{staff, `"2-5"`, 200, "private, no-cache"}, {anonymous, `"2-7"`, 200, "no-cache"}, {anonymous, `"1-5"`, 200, "no-cache"},
	} {
		got := h.Request(t, tc.who, "GET", path, "", "If-None-Match", tc.etag)
		if got.Code != tc.want || got.Header.Get("Cache-Control") != tc.control {
			t.Errorf("If-None-Match %s: got %d, Cache-Control %q, want %d, %q", tc.etag, got.Code, got.Header.Get("Cache-Control"),
				tc.want, tc.control)
		}
	}
}

// A PATCH does not touch the stock, which changes all the time, so only the version in its If-Match counts. A movement of stock needs the
// whole tag. Its repetition under the same key is answered although the stock has changed since.
func TestProductsHonourIfMatch(t *testing.T) {
	h := newHarness(t)
	path := "/products/" + h.Request(t, admin, "POST", "/products", ossoBuco).Text("id")
	for _, step := range []struct {
		name, method, path, body string
		headers                  []string
		want                     int
	}{
		{"nonsense", "PATCH", path, `{"priceCents":5}`, []string{"If-Match", `"nonsense"`}, 412},
		{"other stock", "PATCH", path, `{"priceCents":5}`, []string{"If-Match", `"1-99.0.0"`}, 200},
		{"the stock of customers", "PATCH", path, `{"priceCents":6}`, []string{"If-Match", `"2-10"`}, 200},
		{"an old version", "PATCH", path, `{"priceCents":7}`, []string{"If-Match", `"2-10.0.0"`}, 412},
		{"an old version, nothing to change", "PATCH", path, `{"priceCents":6}`, []string{"If-Match", `"2-10.0.0"`}, 412},
		{"not this version", "PATCH", path, `{"priceCents":7}`, []string{"If-None-Match", `"3-1"`}, 412},
		{"a date, which a product has not", "PATCH", path, `{"priceCents":7}`, []string{"If-Unmodified-Since",
			"Thu, 01 Jan 1970 00:00:00 GMT"}, 200},
		{"an invalid body", "PATCH", path, `{"priceCents":-1}`, []string{"If-Match", `"4-10.0.0"`}, 422},
		{"an unknown product", "PATCH", "/products/" + uuid.NewString(), `{"priceCents":7}`, []string{"If-Match", "*"}, 404},
		{"movement, no tag", "POST", path + "/stock", `{"delta":1}`, []string{"If-Match", "4-10.0.0"}, 400},
		{"movement, other stock", "POST", path + "/stock", `{"delta":1}`, []string{"If-Match", `"4-9.0.0"`}, 412},
		{"movement, the stock of customers", "POST", path + "/stock", `{"delta":1}`, []string{"If-Match", `"4-10"`}, 412},
		{"movement", "POST", path + "/stock", `{"delta":1}`, []string{"If-Match", `"4-10.0.0"`, "Idempotency-Key", "k1"}, 200},
		{"the same movement again", "POST", path + "/stock", `{"delta":1}`, []string{"If-Match", `"4-10.0.0"`,
			"Idempotency-Key", "k1"}, 200},
		{"another movement", "POST", path + "/stock", `{"delta":1}`, []string{"If-Match", `"4-10.0.0"`, "Idempotency-Key", "k2"}, 412},
		{"any stock", "POST", path + "/stock", `{"delta":1}`, []string{"If-Match", "*"}, 200},
	} {
		if got := h.Request(t, admin, step.method, step.path, step.body, step.headers...); got.Code != step.want {
			t.Errorf("%s: got %d %s, want %d", step.name, got.Code, got.Body, step.want)
		}
	}
	if got := h.Request(t, staff, "GET", path, ""); got.Header.Get("ETag") != `"4-12.0.0"` {
		t.Errorf("got ETag %s, want \"4-12.0.0\": refused requests changed something", got.Header.Get("ETag"))
	}
}

// Of many movements under the same ETag, only one takes effect.
func TestConcurrentMovementsOfOneStock(t *testing.T) {
	h := newHarness(t)
	path := "/products/" + h.Request(t, admin, "POST", "/products", ossoBuco).Text("id") + "/stock"
	const racers = 8
	codes := make(chan int, racers)
	for range racers {
		go func() { codes <- h.Request(t, staff, "POST", path, `{"delta":-1}`, "If-Match", `"1-10.0.0"`).Code }()
	}
	count := map[int]int{}
	for range racers {
		count[<-codes]++
	}
	if count[200] != 1 || count[412] != racers-1 {
		t.Errorf("got statuses %v, want one 200 and %d times 412", count, racers-1)
	}
}

func TestTheMenuHasAnETag(t *testing.T) {
	h := newHarness(t)
	h.addProduct(t, "Soup", 3)
	first := h.Request(t, anonymous, "GET", "/products", "")
	etag := first.Header.Get("ETag")
	if got := h.Request(t, anonymous, "GET", "/products", "", "If-None-Match", etag); etag == "" || got.Code != 304 {
		t.Errorf("the same menu: got %d, want 304", got.Code)
	}
	h.addProduct(t, "Bread", 3)
	if got := h.Request(t, anonymous, "GET", "/products", "", "If-None-Match", etag); got.Code != 200 {
		t.Errorf("a longer menu: got %d, want 200", got.Code)
	}
}
