package signature_test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"comanda/services/internal/signature"
)

// The first key of RFC 8032, 7.1.
const (
	seed   = "nWGxne/9WmC6hEr0kuwsxERJxWl7MmkZcDusAxyuf2A="
	public = "11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo="
)

const (
	kind    = "order.status.changed.v1"
	subject = "8d4513f8-222d-5156-93d1-666447e36c4c"
)

func newKey(t *testing.T, setting string) (key signature.PrivateKey) {
	t.Helper()
	if err := key.UnmarshalText([]byte(setting)); err != nil {
		t.Fatal(err)
	}
	return key
}

// newKeys returns public keys: the given ones for order, and another key for each other service.
func newKeys(t *testing.T, ofOrder ...string) (keys signature.PublicKeys) {
	t.Helper()
	var list []string
	for _, service := range []string{"auth", "user", "product"} {
		list = append(list, service+"="+newKey(t, signature.NewSeed()).Public())
	}
	for _, key := range ofOrder {
		list = append(list, "order="+key)
	}
	if err := keys.UnmarshalText([]byte(strings.Join(list, ","))); err != nil {
		t.Fatal(err)
	}
	return keys
}

func sign(t *testing.T, key signature.PrivateKey, data string) string {
	t.Helper()
	signed, err := key.Sign(kind, subject, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// A sidecar decodes the data and encodes it again. The expected form is the canonical form of RFC 8785, with the characters of its
// section 3.2.2.
func TestSignatureHoldsForEveryEncodingOfTheData(t *testing.T) {
	keys, key := newKeys(t, public), newKey(t, seed)
	const want = `{"":"","1":[true,false,null],"a":-12,"b":{"x":"<&>","y":9007199254740993},"s":"€$\u000f\nA'B\"\\\\\"/` +
		"\u2028" + `"}`
	signed := sign(t, key, want)
	for name, data := range map[string]string{
		"as it was": want,
		"with white space, in another order": ` { "s" : "€$\u000f\nA'B\"\\\\\"/\u2028", "b" : { "y" : 9007199254740993 ,
			"x" : "<&>" }, "a": -12, "1" : [ true , false , null ] , "": "" } `,
		"with escapes": `{"1":[true,false,null],"":"","a":-12,"b":{"x":"\u003c\u0026\u003e","y":9007199254740993},` +
			`"s":"\u20ac$\u000F\u000aA\u0027\u0042\u0022\u005c\\\"\/\u2028"}`,
		"with a member twice": `{"1":9,"1":[true,false,null],"":"","a":-12,"b":{"z":1},"b":{"x":"<&>","y":9007199254740993},` +
			`"s":"€$\u000f\nA'B\"\\\\\"/\u2028"}`,
	} {
		got, err := keys.Verify("order", kind, subject, []byte(data), signed)
		if err != nil || string(got) != want {
			t.Errorf("%s: got\n%s (error: %v), want\n%s", name, got, err, want)
		}
	}
}

// The signature is fixed by RFC 8032 and RFC 8785, so consumers in other languages can check against this one.
func TestSignatureIsTheSameInEveryLanguage(t *testing.T) {
	const want = "6yw9MMIvc5LBhLJqdw070_dNezBXwLTH49dHyUztDsYjrDVSyXzXp3rsJoL_J3D65pNeQLepCcOar_iTEmR9Cw"
	if got := sign(t, newKey(t, seed), `{"version":2,"orderId":"8d4513f8-222d-5156-93d1-666447e36c4c","status":"CONFIRMED"}`); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := newKey(t, seed).Public(); got != public {
		t.Errorf("the public key: got %s, want %s", got, public)
	}
}

func TestNoOtherEventHasTheSignature(t *testing.T) {
	key := newKey(t, seed)
	keys := newKeys(t, public)
	const data = `{"orderId":"o1","status":"CANCELLED","version":2}`
	signed := sign(t, key, data)
	last := len(signed) - 1 // two bits of the last character belong to the signature, and four are spare
	for name, tc := range map[string]struct {
		publisher, kind, subject, data, signature string
		want                                      error
	}{
		"itself":             {"order", kind, subject, data, signed, nil},
		"no signature":       {"order", kind, subject, data, "", signature.ErrUnsigned},
		"another publisher":  {"product", kind, subject, data, signed, signature.ErrForged},
		"no publisher":       {"", kind, subject, data, signed, signature.ErrForged},
		"another type":       {"order", "order.created.pending.v1", subject, data, signed, signature.ErrForged},
		"another subject":    {"order", kind, "o2", data, signed, signature.ErrForged},
		"another value":      {"order", kind, subject, strings.Replace(data, "2", "3", 1), signed, signature.ErrForged},
		"a member more":      {"order", kind, subject, strings.Replace(data, "}", `,"reason":"x"}`, 1), signed, signature.ErrForged},
		"a number as text":   {"order", kind, subject, strings.Replace(data, "2", `"2"`, 1), signed, signature.ErrForged},
		"a fraction":         {"order", kind, subject, strings.Replace(data, "2", "2.0", 1), signed, signature.ErrForged},
		"text after the end": {"order", kind, subject, data + "{}", signed, signature.ErrForged},
		"no data":            {"order", kind, subject, "", signed, signature.ErrForged},
		"a shortened one":    {"order", kind, subject, data, signed[:40], signature.ErrForged},
		"no base64":          {"order", kind, subject, data, "*" + signed[1:], signature.ErrForged},
		"other spare bits":   {"order", kind, subject, data, signed[:last] + string(signed[last]+1), signature.ErrForged},
	} {
		if _, err := keys.Verify(tc.publisher, tc.kind, tc.subject, []byte(tc.data), tc.signature); !errors.Is(err, tc.want) {
			t.Errorf("%s: got %v, want %v", name, err, tc.want)
		}
	}
	if _, err := key.Sign(kind, subject, []byte(`{"total":1.5}`)); err == nil {
		t.Error("a number with a fraction was signed: not every language writes it the same way")
	}
}

// While a key is replaced, events of both keys are accepted.
func TestPublisherMayHaveSeveralKeys(t *testing.T) {
	old, fresh := newKey(t, seed), newKey(t, signature.NewSeed())
	both := newKeys(t, fresh.Public(), old.Public())
	for name, key := range map[string]signature.PrivateKey{"the old key": old, "the new key": fresh} {
		if _, err := both.Verify("order", kind, subject, []byte(`{}`), sign(t, key, `{}`)); err != nil {
			t.Errorf("an event signed with %s: got %v, want it accepted", name, err)
		}
	}
	afterwards := newKeys(t, fresh.Public())
	if _, err := afterwards.Verify("order", kind, subject, []byte(`{}`), sign(t, old, `{}`)); !errors.Is(err, signature.ErrForged) {
		t.Errorf("an event signed with the withdrawn key: got %v, want %v", err, signature.ErrForged)
	}
	if err := both.Check("order", old); err != nil {
		t.Error(err)
	}
	want := "EVENT_PUBLIC_KEYS must list order=" + public + ", the public key of ORDER_EVENT_SIGNING_KEY"
	if err := afterwards.Check("order", old); err == nil || err.Error() != want {
		t.Errorf("a key that is not listed: got %v, want %s", err, want)
	}
}

func TestInvalidKeysAreRefusedWithoutTheirValue(t *testing.T) {
	var key signature.PrivateKey
	for _, setting := range []string{"hush", seed[:40], seed + seed, seed[1:], "", " " + seed} {
		if err := key.UnmarshalText([]byte(setting)); err == nil || strings.Contains(err.Error(), seed[:4]) {
			t.Errorf("private key %q: got %v, want an error without the value", setting, err)
		}
	}
	var keys signature.PublicKeys
	for _, setting := range []string{"", "hush", "order=" + public, "order=" + public + ",auth=" + public + ",user=" + public + ",product=",
		"order=" + public + ",auth=" + public + ",user=" + public + ",product=" + public + ",mallory=" + public} {
		if err := keys.UnmarshalText([]byte(setting)); err == nil {
			t.Errorf("public keys %q: got no error", setting)
		}
	}
	if _, err := key.Sign(kind, subject, []byte(`{}`)); err == nil {
		t.Error("a key that was never set has signed")
	}
	shown := fmt.Sprintf("%v %+v %s", newKey(t, seed), newKey(t, seed), newKey(t, seed))
	if encoded, err := json.Marshal(newKey(t, seed)); err != nil || shown != "(secret) (secret) (secret)" || string(encoded) != `"(secret)"` {
		t.Errorf("a printed key: got %s and %s (error: %v), want it hidden", shown, encoded, err)
	}
}
