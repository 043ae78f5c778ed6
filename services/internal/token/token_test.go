package token_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"comanda/services/internal/fault"
	"comanda/services/internal/token"
)

var secret = token.Secret("0123456789abcdef0123456789abcdef")

const account = "6b9a8f5e-0b7e-4b0c-9d5f-0d2a3b1c4d5e"

func claims(change func(*token.Claims)) token.Claims {
	c := token.Claims{Roles: []string{token.Customer}, RegisteredClaims: jwt.RegisteredClaims{
		Issuer: token.Issuer, Audience: jwt.ClaimStrings{token.Audience}, Subject: account, ID: uuid.NewString(),
		ExpiresAt: jwt.NewNumericDate(time.Now().Add(time.Minute)),
	}}
	change(&c)
	return c
}

func signed(t *testing.T, method jwt.SigningMethod, key any, change func(*token.Claims)) string {
	t.Helper()
	text, err := jwt.NewWithClaims(method, claims(change)).SignedString(key)
	if err != nil {
		t.Fatal(err)
	}
	return text
}

func TestSignedTokensAreAccepted(t *testing.T) {
	text, err := secret.Sign(account, []string{token.Customer, token.Staff}, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	for _, scheme := range []string{"Bearer ", "bearer "} {
		got, err := token.NewVerifier(secret).Bearer(scheme + text)
		if err != nil {
			t.Fatal(err)
		}
		if got.Subject != account || !got.Any(token.Staff) || got.Any(token.Admin) || got.ID == "" {
			t.Errorf("got claims %+v", got)
		}
		if left := time.Until(got.ExpiresAt.Time); left > token.TTL || left < token.TTL-time.Minute {
			t.Errorf("got a token that expires in %v, want about %v", left, token.TTL)
		}
	}
}

func TestForgedTokensAreRefused(t *testing.T) {
	same := func(*token.Claims) {}
	good := signed(t, jwt.SigningMethodHS256, []byte(secret), same)
	head, rest, _ := strings.Cut(good, ".")
	body, signature, _ := strings.Cut(rest, ".")
	for name, header := range map[string]string{
		"no header":       "",
		"no scheme":       good,
		"Basic":           "Basic ZGFwci1hcHAtaWQ6b3JkZXI=",
		"no token":        "Bearer ",
		"garbage":         "Bearer a.b.c",
		"another secret":  "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(strings.Repeat("x", 32)), same),
		"an empty secret": "Bearer " + signed(t, jwt.SigningMethodHS256, []byte{}, same),
		"alg none":        "Bearer " + signed(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, same),
		"HS512":           "Bearer " + signed(t, jwt.SigningMethodHS512, []byte(secret), same),
		"no signature":    "Bearer " + head + "." + body + ".",
		"another body":    "Bearer " + head + "." + body[:len(body)-4] + "AAAA." + signature,
		"expired": "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(secret),
			func(c *token.Claims) { c.ExpiresAt = jwt.NewNumericDate(time.Now().Add(-time.Second)) }),
		"never expires": "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(secret), func(c *token.Claims) { c.ExpiresAt = nil }),
		"not valid yet": "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(secret),
			func(c *token.Claims) { c.NotBefore = jwt.NewNumericDate(time.Now().Add(time.Hour)) }),
		"another issuer": "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(secret),
			func(c *token.Claims) { c.Issuer = "elsewhere" }),
		"another audience": "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(secret),
			func(c *token.Claims) { c.Audience = jwt.ClaimStrings{"elsewhere"} }),
		"no audience": "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(secret), func(c *token.Claims) { c.Audience = nil }),
		"no account":  "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(secret), func(c *token.Claims) { c.Subject = "" }),
		"an account by URN": "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(secret),
			func(c *token.Claims) { c.Subject = "urn:uuid:" + account }),
	} {
		if got, err := token.NewVerifier(secret).Bearer(header); !fault.Is(err, fault.KindUnauthenticated) {
			t.Errorf("%s: got claims %+v, error %v, want Unauthenticated", name, got, err)
		}
	}
}

func TestAShortSecretNeitherSignsNorAccepts(t *testing.T) {
	for _, short := range []token.Secret{nil, token.Secret("short")} {
		if _, err := short.Sign(account, nil, time.Now()); err == nil {
			t.Errorf("a secret of %d bytes signed a token", len(short))
		}
		header := "Bearer " + signed(t, jwt.SigningMethodHS256, []byte(short), func(*token.Claims) {})
		if _, err := token.NewVerifier(short).Bearer(header); err == nil {
			t.Errorf("a secret of %d bytes accepted a token", len(short))
		}
	}
}

// Only the token of a login says when the person gave the password.
func TestOnlyALoginHasItsTime(t *testing.T) {
	now := time.Now()
	for name, tc := range map[string]struct {
		sign  func(string, []string, time.Time) (string, error)
		since time.Time
		want  bool
	}{
		"a login":          {secret.SignLogin, now.Add(-time.Minute), true},
		"an earlier login": {secret.SignLogin, now.Add(time.Minute), false},
		"a refresh":        {secret.Sign, now.Add(-time.Minute), false},
	} {
		signed, err := tc.sign(account, []string{token.Customer}, now)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := token.NewVerifier(secret).Bearer("Bearer " + signed)
		if err != nil || claims.LoggedInSince(tc.since) != tc.want {
			t.Errorf("%s: got %v, %v, want %v", name, claims.LoggedInSince(tc.since), err, tc.want)
		}
	}
}
