package rest_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
)

type line struct {
	ProductID string `json:"productId"`
	Quantity  int    `json:"quantity"`
}

// optional is a type with its own UnmarshalJSON, like the fields of PATCH bodies.
type optional struct{ set bool }

func (o *optional) UnmarshalJSON(raw []byte) error {
	if string(raw) == `"refused"` {
		return errors.New("cannot be refused")
	}
	o.set = true
	return nil
}

type order struct {
	Items   []line                 `json:"items"`
	Address *struct{ City string } `json:"address"`
	Notes   string                 `json:"notes"`
	Price   int64                  `json:"price"`
	Small   uint8                  `json:"small"`
	Ratio   float64                `json:"ratio"`
	Gift    bool                   `json:"gift"`
	Due     time.Time              `json:"due"`
	Name    optional               `json:"name"`
	Any     json.RawMessage        `json:"any"`
	Labels  map[string]string      `json:"labels"`
	Hidden  string                 `json:"-"`
}

func decode(contentType, body string) (order, error) {
	var got order
	r := httptest.NewRequest("POST", "/orders", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	err := rest.Decode(httptest.NewRecorder(), r, &got)
	return got, err
}

func TestDecode(t *testing.T) {
	got, err := decode("application/json; charset=utf-8", ` {"items":[{"productId":"p","quantity":2}],"address":{"City":"Wien"},
		"notes":"Grüße 🍕 \ud83c\udf55","price":9007199254740993,"ratio":1e3,"gift":true,"due":"2026-01-02T03:04:05Z","name":null,
		"any":{"x":[1,{"y":null}]},"labels":{"a":"b"}} `)
	if err != nil {
		t.Fatal(err)
	}
	if got.Items[0].Quantity != 2 || got.Address.City != "Wien" || got.Price != 9007199254740993 || got.Labels["a"] != "b" {
		t.Errorf("got %+v", got)
	}
}

func TestDecodeTreatsNullAsAbsent(t *testing.T) {
	got, err := decode("application/json", `{"items":null,"address":null,"notes":null,"price":null,"gift":null}`)
	if err != nil || got.Items != nil || got.Address != nil || got.Notes != "" {
		t.Errorf("got %+v, %v, want absent fields", got, err)
	}
}

func TestDecodeRefusesUnreadableBodies(t *testing.T) {
	for name, tc := range map[string]struct {
		contentType, body string
		want              fault.Kind
	}{
		"empty":            {"application/json", ``, fault.KindMalformed},
		"cut short":        {"application/json", `{"notes":"`, fault.KindMalformed},
		"two values":       {"application/json", `{} {}`, fault.KindMalformed},
		"a trailing comma": {"application/json", `{"notes":"",}`, fault.KindMalformed},
		"bad UTF-8":        {"application/json", "{\"notes\":\"\xff\"}", fault.KindMalformed},
		"a BOM":            {"application/json", "\ufeff{}", fault.KindMalformed},
		"too deep":         {"application/json", strings.Repeat("[", 33) + strings.Repeat("]", 33), fault.KindMalformed},
		"too large":        {"application/json", `{"notes":"` + strings.Repeat("x", rest.DefaultBody) + `"}`, fault.KindTooLarge},
		"a form":           {"application/x-www-form-urlencoded", `{}`, fault.KindMediaType},
		"no type":          {"", `{}`, fault.KindMediaType},
		"text":             {"text/json", `{}`, fault.KindMediaType},
	} {
		if _, err := decode(tc.contentType, tc.body); !fault.Is(err, tc.want) {
			t.Errorf("%s: got error %v, want kind %v", name, err, tc.want)
		}
	}
}

// The server does not read the rest of a body that is too large; it closes the connection. This also works behind an observer, which
// wraps the server's own writer.
func TestABodyTooLargeClosesTheConnection(t *testing.T) {
	log := slog.New(slog.DiscardHandler)
	observer := telemetry.NewObserver(prometheus.NewRegistry(), log)
	server := httptest.NewServer(observer.Edge(rest.Render(log, func(w http.ResponseWriter, r *http.Request) error {
		if _, err := rest.Body(w, r); err != nil {
			return err
		}
		return rest.JSON(w, http.StatusOK, nil)
	})))
	defer server.Close()
	for size, closes := range map[int]bool{rest.DefaultBody: false, rest.DefaultBody + 1: true} {
		resp, err := http.Post(server.URL, "application/json", strings.NewReader(`"`+strings.Repeat("x", size-2)+`"`))
		if err != nil {
			t.Fatal(err)
		}
		_ = resp.Body.Close()
		if resp.Close != closes || (resp.StatusCode == http.StatusRequestEntityTooLarge) != closes {
			t.Errorf("%d bytes: got %s, closed %v, want closed %v", size, resp.Status, resp.Close, closes)
		}
	}
}

func TestDecodeNamesEveryWrongField(t *testing.T) {
	for body, want := range map[string]string{
		`null`: " must be an object", `[]`: " must be an object", `"x"`: " must be an object", `7`: " must be an object",
		`{"items":[{"productId":7,"quantity":"2"},{"quantity":1.5},3]}`: "items[0].productId must be a string; " +
			"items[0].quantity must be a whole number in range; " +
			"items[1].quantity must be a whole number in range; items[2] must be an object",
		`{"items":{}}`:                       "items must be a list",
		`{"items":[{"sku":"x"}],"Notes":""}`: "items[0].sku is not a field of this request; Notes is not a field of this request",
		`{"NOTES":"x"}`:                      "NOTES is not a field of this request",
		`{"Hidden":"x","-":"y"}`:             "Hidden is not a field of this request; - is not a field of this request",
		`{"notes":"a","notes":"b"}`:          "notes is there more than once",
		`{"any":{"x":1,"x":2}}`:              "any.x is there more than once",
		`{"small":256,"price":1e2}`:          "small must be a whole number in range; price must be a whole number in range",
		`{"price":99999999999999999999}`:     "price must be a whole number in range",
		`{"gift":"yes","ratio":"1"}`:         "gift must be true or false; ratio must be a number",
		`{"address":"Wien"}`:                 "address must be an object",
		`{"labels":{"a":1}}`:                 "labels.a must be a string",
		`{"notes":"a\u0000b"}`:               "notes has a NUL character",
		`{"name":"refused"}`:                 " cannot be refused",
	} {
		_, err := decode("application/json", body)
		if !fault.Is(err, fault.KindInvalid) {
			t.Errorf("%s: got error %v, want Invalid", body, err)
			continue
		}
		var got []string
		for _, field := range fault.From(err).Fields {
			got = append(got, field.Field+" "+field.Message)
		}
		if strings.Join(got, "; ") != want {
			t.Errorf("%s:\n got %s\nwant %s", body, strings.Join(got, "; "), want)
		}
	}
}

func TestDecodeLimitsItsErrorMessages(t *testing.T) {
	var body strings.Builder
	for i := range 150 {
		fmt.Fprintf(&body, `,"%d%s":1`, i, strings.Repeat("x", 80))
	}
	_, err := decode("application/json", "{"+body.String()[1:]+"}")
	if got := len(fault.From(err).Fields); got != 20 {
		t.Errorf("got %d wrong fields, want 20", got)
	}
	_, err = decode("application/json", `{"`+strings.Repeat("ü", 5000)+`":1}`)
	if got := len(fault.From(err).Fields[0].Field); got > 110 {
		t.Errorf("got a name of %d bytes, want at most 110", got)
	}
}

// FuzzDecode looks for bodies on which Decode panics, returns a 5xx, or is laxer than encoding/json.
func FuzzDecode(f *testing.F) {
	for _, seed := range []string{`{}`, `{"items":[{"quantity":1}]}`, `{"any":[[{}]]}`, `{"due":7}`, `{"address":{"City":1}}`,
		`{"labels":{"":null}}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		got, err := decode("application/json", body)
		if err != nil {
			if kind := fault.From(err).Kind; kind == fault.KindInternal || kind == fault.KindUnavailable {
				t.Fatalf("%q: got error %v, want a 4xx", body, err)
			}
			return
		}
		var plain order
		if json.Unmarshal([]byte(body), &plain) != nil {
			t.Fatalf("%q: got %+v, want an error, as from encoding/json", body, got)
		}
	})
}
