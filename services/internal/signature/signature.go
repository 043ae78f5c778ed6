package signature

import (
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
)

// Attribute is the name of the CloudEvents attribute with the signature.
const Attribute = "signature"

// The errors of Verify.
var (
	ErrUnsigned = errors.New("the event has no signature")
	ErrForged   = errors.New("the event's signature is not that of its publisher")
)

// Sign returns the signature of an event. data is the JSON of its payload.
func (k PrivateKey) Sign(kind, subject string, data []byte) (string, error) {
	message, _, err := signedText(kind, subject, data)
	if len(k.key) == 0 {
		err = errSeed
	}
	if err != nil {
		return "", fmt.Errorf("sign an event %s: %w", kind, err)
	}
	return base64.RawURLEncoding.EncodeToString(ed25519.Sign(k.key, message)), nil
}

// Verify checks that publisher has signed an event. It returns the event's data in canonical form. Use only these data: they have
// no repeated members, which parsers understand differently.
func (k PublicKeys) Verify(publisher, kind, subject string, data []byte, signature string) (json.RawMessage, error) {
	if signature == "" {
		return nil, ErrUnsigned
	}
	message, verified, err := signedText(kind, subject, data)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", ErrForged, err)
	}
	decoded, err := base64.RawURLEncoding.Strict().DecodeString(signature)
	if err != nil {
		return nil, ErrForged
	}
	for _, key := range k[publisher] {
		if ed25519.Verify(key, message, decoded) {
			return verified, nil
		}
	}
	return nil, ErrForged
}

// signedText returns the text that is signed, {"data":...,"subject":...,"type":...} in canonical form, and the canonical data.
func signedText(kind, subject string, data []byte) (text, canonicalData []byte, err error) {
	if canonicalData, err = canonical(data); err != nil {
		return nil, nil, err
	}
	text = append([]byte(`{"data":`), canonicalData...)
	text = append(appendString(append(text, `,"subject":`...), subject), `,"type":`...)
	return append(appendString(text, kind), '}'), canonicalData, nil
}
