package main

import (
	"encoding/json"
	"net/http"
	"strings"
	"testing"

	"comanda/services/internal/rest"
	"comanda/services/internal/servicetest"
)

func TestPatchSaysWhatItCannotDo(t *testing.T) {
	h := newHarness(t)
	soup := h.addDish(t, "Soup", "Mains", "hot")
	path := "/products/" + soup.ID
	for body, want := range map[string]string{ // the start of the message about the first field
		`{"stock":5}`:                                "stock cannot be changed here: POST /products/{id}/stock",
		`{"available":1}`:                            "available cannot be changed here: POST /products/{id}/stock",
		`{"reserved":0}`:                             "reserved cannot be changed",
		`{"sold":null}`:                              "sold cannot be changed",
		`{"id":"` + soup.ID + `","name":"X"}`:        "id cannot be changed",
		`{"version":2}`:                              "version cannot be changed",
		`{"createdAt":"2026-01-01T00:00:00Z"}`:       "createdAt cannot be changed",
		`{"updatedAt":{}}`:                           "updatedAt cannot be changed",
		`{"name":null}`:                              "name cannot be removed",
		`{"category":null}`:                          "category cannot be removed",
		`{"priceCents":null}`:                        "priceCents cannot be removed",
		`{"currency":null}`:                          "currency cannot be removed",
		`{"active":null,"description":"other text"}`: "active cannot be removed",
		`{"colour":"red"}`:                           "colour is not a field of this request",
		`{"name":""}`:                                "name must be",
		`{"active":"true"}`:                          "active must be true or false",
	} {
		problem := servicetest.Decode[rest.Problem](t, h.Request(t, admin, "PATCH", path, body), http.StatusUnprocessableEntity)
		if got := problem.Errors[0].Field + " " + problem.Errors[0].Message; !strings.HasPrefix(got, want) {
			t.Errorf("%s: got %q, want %q", body, got, want)
		}
	}
	if now := wantProduct(t, h.Request(t, admin, "GET", path, ""), http.StatusOK); now.Version != 1 || now.Description != "hot" {
		t.Errorf("got %+v, want the product unchanged", now)
	}
}

func TestPatchIsAMergePatch(t *testing.T) {
	h := newHarness(t)
	path := "/products/" + h.addDish(t, "Soup", "Mains", "hot").ID
	for i, tc := range []struct {
		body, contentType, description string
		version                        int
	}{
		{`{}`, "application/json", "hot", 1},
		{`{}`, "application/merge-patch+json", "hot", 1},
		{`{"description":null}`, "application/merge-patch+json; charset=utf-8", "", 2},
		{`{"description":null}`, "application/json", "", 2},
		{`{"description":"cold"}`, "application/json", "cold", 3},
		{`{"description":""}`, "application/merge-patch+json", "", 4},
	} {
		got := wantProduct(t, h.Request(t, admin, "PATCH", path, tc.body, "Content-Type", tc.contentType), http.StatusOK)
		if got.Description != tc.description || got.Version != tc.version || got.Name != "Soup" {
			t.Errorf("%d: %s: got %+v, want description %q in version %d", i, tc.body, got, tc.description, tc.version)
		}
	}
	got := h.Request(t, admin, "PATCH", path, `[{"op":"remove","path":"/description"}]`, "Content-Type", "application/json-patch+json")
	if got.Code != http.StatusUnsupportedMediaType || !strings.Contains(got.Header.Get("Accept-Patch"), "application/merge-patch+json") {
		t.Errorf("JSON Patch: got %d with Accept-Patch %q, want 415 with the types that are accepted", got.Code, got.Header.Get("Accept-Patch"))
	}
	wantProblem(t, h.Request(t, admin, "POST", "/products", ossoBuco, "Content-Type", "application/merge-patch+json"), http.StatusUnsupportedMediaType)
}

func TestRepetitionsReturnTheResourceAsItIs(t *testing.T) {
	h := newHarness(t)
	first := h.Request(t, admin, "POST", "/products", ossoBuco, "Idempotency-Key", "k")
	soup := wantProduct(t, first, http.StatusCreated)
	path := "/products/" + soup.ID
	wantProduct(t, h.Request(t, admin, "POST", path+"/stock", `{"delta":5}`, "Idempotency-Key", "k"), http.StatusOK)
	wantProduct(t, h.Request(t, admin, "POST", path+"/stock", `{"delta":-3}`, "Idempotency-Key", "l"), http.StatusOK)
	wantProduct(t, h.Request(t, admin, "PATCH", path, `{"priceCents":1}`), http.StatusOK)
	now := h.Request(t, admin, "GET", path, "").Body
	for target, body := range map[string]string{"/products": ossoBuco, path + "/stock": `{"delta":5}`} {
		again := h.Request(t, admin, "POST", target, body, "Idempotency-Key", "k")
		if again.Code != http.StatusOK || again.Body != now {
			t.Errorf("POST %s again: got %d %s, want 200 %s", target, again.Code, again.Body, now)
		}
		if target == "/products" {
			for name := range first.Header {
				if again.Header.Get(name) != first.Header.Get(name) && name != "Etag" && name != "Content-Length" {
					t.Errorf("%s: got %q, want %q as in the first answer", name, again.Header.Get(name), first.Header.Get(name))
				}
			}
		}
	}
	other := h.addDish(t, "Tea", "Drinks", "")
	for target, body := range map[string]string{
		"/products":                        strings.Replace(ossoBuco, "2390", "2391", 1),
		path + "/stock":                    `{"delta":6}`,
		"/products/" + other.ID + "/stock": `{"delta":5}`,
	} {
		got := h.Request(t, admin, "POST", target, body, "Idempotency-Key", "k")
		if got.Code != http.StatusUnprocessableEntity || got.Fields() != "Idempotency-Key" {
			t.Errorf("POST %s with another body: got %d %s, want 422 for the key", target, got.Code, got.Body)
		}
	}
	var unchanged Product
	if err := json.Unmarshal([]byte(h.Request(t, admin, "GET", path, "").Body), &unchanged); err != nil || unchanged.Available != 12 {
		t.Errorf("got %+v, %v, want 12 available", unchanged, err)
	}
}
