package token_test

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"comanda/services/internal/fault"
	"comanda/services/internal/token"
)

// withUnusedBit sets an unused bit of the last character: 32 bytes in base64 leave two bits unused.
func withUnusedBit(text string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	last := len(text) - 1
	return text[:last] + string(alphabet[strings.IndexByte(alphabet, text[last])|1])
}

// FuzzBearer looks for a header that passes although its token is not the one that was signed.
func FuzzBearer(f *testing.F) {
	text, err := jwt.NewWithClaims(jwt.SigningMethodHS256, claims(func(c *token.Claims) {
		// Every worker of the fuzzer is a process of its own, so the token must not depend on the time or on chance.
		c.ID, c.ExpiresAt = account, jwt.NewNumericDate(time.Date(2100, 1, 1, 0, 0, 0, 0, time.UTC))
	})).SignedString([]byte(secret))
	if err != nil {
		f.Fatal(err)
	}
	for _, seed := range []string{"Bearer " + text, "bearer  " + text + "\t", "Bearer " + text[1:], "Bearer " + text + "=", "Bearer a.b.c", "",
		"Bearer " + withUnusedBit(text)} {
		f.Add(seed)
	}
	verifier := token.NewVerifier(secret)
	f.Fuzz(func(t *testing.T, header string) {
		got, err := verifier.Bearer(header)
		if err != nil {
			if !fault.Is(err, fault.KindUnauthenticated) {
				t.Fatalf("%q: got %v, want Unauthenticated", header, err)
			}
			return
		}
		if scheme, sent, _ := strings.Cut(header, " "); !strings.EqualFold(scheme, "Bearer") || strings.Trim(sent, " \t") != text {
			t.Fatalf("%q: got %+v, want a refusal: only %q was signed", header, got, text)
		}
	})
}
