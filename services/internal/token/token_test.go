package token_test

import (
	"bytes"
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

var other = token.Secret(strings.Repeat("o", token.MinSecret))

// signedWith returns a token with the header kid, or without it when kid is nil.
func signedWith(t *testing.T, key token.Secret, kid any) string {
	t.Helper()
	unsigned := jwt.NewWithClaims(jwt.SigningMethodHS256, claims(func(*token.Claims) {}))
	if kid != nil {
		unsigned.Header["kid"] = kid
	}
	text, err := unsigned.SignedString([]byte(key))
	if err != nil {
		t.Fatal(err)
	}
	return text
}

// kidOf returns the id under which a secret signs.
func kidOf(t *testing.T, secret token.Secret) string {
	t.Helper()
	text, err := secret.Sign(account, nil, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	parsed, _, err := jwt.NewParser().ParseUnverified(text, &token.Claims{})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := parsed.Header["kid"].(string)
	return id
}

func TestTheKidNamesTheSecretAndDoesNotRevealIt(t *testing.T) {
	one, two := kidOf(t, secret), kidOf(t, other)
	if one == "" || one == two || one != kidOf(t, secret) || len(one) > 16 || strings.Contains(string(secret), one) {
		t.Errorf("got kids %q and %q, want one for each secret", one, two)
	}
}

func TestTheKidChoosesTheSecret(t *testing.T) {
	rotating, single := token.NewVerifier(secret, other), token.NewVerifier(secret)
	for name, tc := range map[string]struct {
		verifier token.Verifier
		text     string
		ok       bool
	}{
		"the current secret":          {rotating, signedWith(t, secret, kidOf(t, secret)), true},
		"the other secret":            {rotating, signedWith(t, other, kidOf(t, other)), true},
		"no kid, the current secret":  {rotating, signedWith(t, secret, nil), true},
		"no kid, the other secret":    {rotating, signedWith(t, other, nil), true},
		"no kid, one secret":          {single, signedWith(t, secret, nil), true},
		"a secret no longer accepted": {single, signedWith(t, other, kidOf(t, other)), false},
		"no kid, an unknown secret":   {single, signedWith(t, other, nil), false},
		"the kid of the other secret": {rotating, signedWith(t, secret, kidOf(t, other)), false},
		"an unknown kid":              {rotating, signedWith(t, secret, "unknown"), false},
		"an empty kid":                {rotating, signedWith(t, secret, ""), false},
		"a path as kid":               {rotating, signedWith(t, secret, "../../dev/null"), false},
		"a number as kid":             {rotating, signedWith(t, secret, 1), false},
		"a list as kid":               {rotating, signedWith(t, secret, []string{kidOf(t, secret)}), false},
		"an object as kid":            {rotating, signedWith(t, secret, map[string]string{"a": "b"}), false},
	} {
		_, err := tc.verifier.Bearer("Bearer " + tc.text)
		if tc.ok != (err == nil) || err != nil && !fault.Is(err, fault.KindUnauthenticated) {
			t.Errorf("%s: got %v, want accepted: %t", name, err, tc.ok)
		}
	}
}

func TestAVerifierWithoutSecretsAcceptsNothing(t *testing.T) {
	for _, verifier := range []token.Verifier{token.NewVerifier(), token.NewVerifier(token.Keys{}.All()...)} {
		if _, err := verifier.Bearer("Bearer " + signedWith(t, token.Secret{}, nil)); err == nil {
			t.Error("a token without a secret was accepted")
		}
	}
}

func TestDerivedKeysDifferByPurposeAndSecret(t *testing.T) {
	keys := token.Keys{Current: secret, Previous: other}
	one, two := keys.Derive("one"), keys.Derive("two")
	if len(one) != 2 || len(one[0]) != 32 || bytes.Equal(one[0], one[1]) || bytes.Equal(one[0], two[0]) ||
		!bytes.Equal(one[0], secret.Derive("one")) {
		t.Error("want one key of 32 bytes for each secret and purpose, the current secret's first")
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
		login time.Time
		since time.Time
		want  bool
	}{
		"a login":          {now, now.Add(-time.Minute), true},
		"an earlier login": {now, now.Add(time.Minute), false},
		"a refresh":        {time.Time{}, now.Add(-time.Minute), false},
	} {
		signed, err := secret.SignClaims(account, token.Claims{Roles: []string{token.Customer}}.LoggedInAt(tc.login), now)
		if err != nil {
			t.Fatal(err)
		}
		claims, err := token.NewVerifier(secret).Bearer("Bearer " + signed)
		if err != nil || claims.LoggedInSince(tc.since) != tc.want {
			t.Errorf("%s: got %v, %v, want %v", name, claims.LoggedInSince(tc.since), err, tc.want)
		}
	}
}
