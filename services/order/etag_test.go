package main

import (
	"testing"

	"comanda/services/internal/servicetest"
)

// Every response with an order has the ETag of its version and its address.
func TestOrdersHaveAnETag(t *testing.T) {
	h := newHarness(t)
	placed := h.Request(t, ana, "POST", "/orders", basket, "Idempotency-Key", "k1")
	id := placed.Text("id")
	repeated := h.Request(t, ana, "POST", "/orders", basket, "Idempotency-Key", "k1")
	shown := h.Request(t, ana, "GET", "/orders/"+id, "")
	cancelled := h.Request(t, ana, "POST", "/orders/"+id+"/cancel", "")
	for _, tc := range []struct {
		name string
		got  servicetest.Response
		code int
		etag string
	}{
		{"placed", placed, 201, `"1"`}, {"repeated", repeated, 200, `"1"`}, {"shown", shown, 200, `"1"`},
		{"cancelled", cancelled, 200, `"2"`},
	} {
		if tc.got.Code != tc.code || tc.got.Header.Get("ETag") != tc.etag ||
			tc.got.Header.Get("Content-Location") != "/api/v1/orders/"+id || tc.got.Header.Get("Cache-Control") != "private, no-cache" {
			t.Errorf("%s: got %d %v, want %d with ETag %s", tc.name, tc.got.Code, tc.got.Header, tc.code, tc.etag)
		}
	}
	for etag, want := range map[string]int{`"2"`: 304, `W/"2"`: 304, `*`: 304, `"1"`: 200, "2": 400} {
		if got := h.Request(t, cook, "GET", "/orders/"+id, "", "If-None-Match", etag); got.Code != want {
			t.Errorf("If-None-Match %s: got %d, want %d", etag, got.Code, want)
		}
	}
}

// A change with If-Match takes effect only on the version that the caller has read. It takes effect once: a repetition under the same key
// is answered although the version has changed since.
func TestChangesOfAnOrderHonourIfMatch(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.deliverReserved(t, id) // version 2
	preparing, path := `{"status":"PREPARING"}`, "/orders/"+id
	for _, step := range []struct {
		name    string
		who     servicetest.Person
		path    string
		body    string
		headers []string
		want    int
	}{
		{"an old version", cook, path + "/status", preparing, []string{"If-Match", `"1"`}, 412},
		{"an old version, by its owner", ana, path + "/cancel", "", []string{"If-Match", `"1"`}, 412},
		{"a weak tag", cook, path + "/status", preparing, []string{"If-Match", `W/"2"`}, 412},
		{"not this version", ana, path + "/cancel", "", []string{"If-None-Match", `"2"`}, 412},
		{"not any version", ana, path + "/cancel", "", []string{"If-None-Match", "*"}, 412},
		{"unmodified since long ago", ana, path + "/cancel", "", []string{"If-Unmodified-Since", "Thu, 01 Jan 1970 00:00:00 GMT"}, 412},
		{"no tag", ana, path + "/cancel", "", []string{"If-Match", "2"}, 400},
		{"another customer's order", ben, path + "/cancel", "", []string{"If-Match", `"1"`}, 404},
		{"an invalid body", cook, path + "/status", `{"status":1}`, []string{"If-Match", `"1"`}, 422},
		{"the version", cook, path + "/status", preparing, []string{"If-Match", `"2"`, "Idempotency-Key", "k1"}, 200},
		{"the same request again", cook, path + "/status", preparing, []string{"If-Match", `"2"`, "Idempotency-Key", "k1"}, 200},
		{"another request", cook, path + "/status", preparing, []string{"If-Match", `"2"`, "Idempotency-Key", "k2"}, 412},
		{"any version", cook, path + "/status", `{"status":"READY"}`, []string{"If-Match", "*"}, 200},
	} {
		got := h.Request(t, step.who, "POST", step.path, step.body, step.headers...)
		if got.Code != step.want || step.want == 412 && got.Text("type") != "/problems/precondition-failed" {
			t.Errorf("%s: got %d %s, want %d", step.name, got.Code, got.Body, step.want)
		}
	}
	if got := h.Request(t, ana, "GET", path, ""); got.Text("status") != "READY" || got.Header.Get("ETag") != `"4"` {
		t.Errorf("got %s, want READY in version 4", got.Body)
	}
}

// When the response to our own write is lost, If-Match must not mistake that write for another client's.
func TestAWriteOfAnOrderWhoseResponseIsLostKeepsItsPrecondition(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.sidecar.LoseNextAnswer()
	got := h.Request(t, ana, "POST", "/orders/"+id+"/cancel", "", "If-Match", `"1"`)
	if got.Code != 200 || got.Header.Get("ETag") != `"2"` {
		t.Errorf("got %d %s, want 200 with version 2", got.Code, got.Body)
	}
}

// Of two concurrent changes of the same version, only one takes effect.
func TestAConcurrentChangeOfAnOrderFailsThePrecondition(t *testing.T) {
	h := newHarness(t)
	id := h.placeOrder(t, ana)
	h.sidecar.BeforeNextWrite(func() { h.deliverReserved(t, id) })
	if got := h.Request(t, ana, "POST", "/orders/"+id+"/cancel", "", "If-Match", `"1"`); got.Code != 412 {
		t.Errorf("got %d %s, want 412", got.Code, got.Body)
	}
}

func TestAListOfOrdersHasAnETag(t *testing.T) {
	h := newHarness(t)
	h.placeOrder(t, ana)
	etag := h.Request(t, ana, "GET", "/orders", "").Header.Get("ETag")
	if got := h.Request(t, ana, "GET", "/orders", "", "If-None-Match", etag); etag == "" || got.Code != 304 {
		t.Errorf("the same list: got %d, want 304", got.Code)
	}
	h.placeOrder(t, ana)
	if got := h.Request(t, ana, "GET", "/orders", "", "If-None-Match", etag); got.Code != 200 || got.Header.Get("ETag") == etag {
		t.Errorf("a longer list: got %d, want 200", got.Code)
	}
	for _, query := range []string{"?state=CANCELLED", "?status=PENDING&status=CONFIRMED"} {
		if got := h.Request(t, ana, "GET", "/orders"+query, ""); got.Code != 400 {
			t.Errorf("%s: got %d, want 400", query, got.Code)
		}
	}
}
