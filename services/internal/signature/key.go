package signature

import (
	"crypto/ed25519"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	"comanda/services"
)

// PrivateKey is the key with which one service signs its events. Its setting is the seed of 32 bytes in base64 (RFC 8032, 5.1.5).
// Its value never appears in logs.
type PrivateKey struct{ key ed25519.PrivateKey }

var (
	errSeed = errors.New("must be 32 bytes in base64 (openssl rand -base64 32 makes a good one)")
	errKeys = errors.New("must list the public keys of " + strings.Join(services.Stateful, ", ") +
		" as service=key, with commas (docs/operations.md)")
)

// NewSeed returns the setting of a new private key.
func NewSeed() string {
	seed := make([]byte, ed25519.SeedSize)
	_, _ = rand.Read(seed) // never fails (crypto/rand)
	return base64.StdEncoding.EncodeToString(seed)
}

// UnmarshalText reads the key from its setting.
func (k *PrivateKey) UnmarshalText(text []byte) error {
	seed, err := base64.StdEncoding.Strict().DecodeString(string(text))
	if err != nil || len(seed) != ed25519.SeedSize {
		return errSeed
	}
	k.key = ed25519.NewKeyFromSeed(seed)
	return nil
}

// Format hides the key from every verb of package fmt.
func (PrivateKey) Format(state fmt.State, _ rune) { _, _ = io.WriteString(state, "(secret)") }

// MarshalText hides the key from JSON, and so from structured logs.
func (PrivateKey) MarshalText() ([]byte, error) { return []byte("(secret)"), nil }

// Public returns the public key as EVENT_PUBLIC_KEYS lists it: in base64.
func (k PrivateKey) Public() string {
	public, _ := k.key.Public().(ed25519.PublicKey)
	return base64.StdEncoding.EncodeToString(public)
}

// PublicKeys has the public keys of each publisher. While a key is replaced, a publisher has more than one.
type PublicKeys map[string][]ed25519.PublicKey

// UnmarshalText reads a list such as "auth=KEY,auth=OLDKEY,user=KEY". It must have a key of every service that publishes events.
func (k *PublicKeys) UnmarshalText(text []byte) error {
	keys := PublicKeys{}
	for item := range strings.SplitSeq(string(text), ",") {
		service, encoded, _ := strings.Cut(strings.TrimSpace(item), "=")
		key, err := base64.StdEncoding.Strict().DecodeString(encoded)
		if err != nil || len(key) != ed25519.PublicKeySize || !slices.Contains(services.Stateful, service) {
			return errKeys
		}
		keys[service] = append(keys[service], key)
	}
	for _, service := range services.Stateful {
		if len(keys[service]) == 0 {
			return errKeys
		}
	}
	*k = keys
	return nil
}

// Check returns an error unless the keys have the public key of service's private key: without it, every consumer would refuse the
// service's events.
func (k PublicKeys) Check(service string, private PrivateKey) error {
	public, _ := private.key.Public().(ed25519.PublicKey)
	if slices.ContainsFunc(k[service], func(key ed25519.PublicKey) bool { return key.Equal(public) }) {
		return nil
	}
	return fmt.Errorf("EVENT_PUBLIC_KEYS must list %s=%s, the public key of %s_EVENT_SIGNING_KEY", service, private.Public(),
		strings.ToUpper(service))
}
