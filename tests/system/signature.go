package system

import (
	"bytes"
	"crypto/ed25519"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"

	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services/event"
)

// SignEvent returns the signature of an event with the key of a service. It follows docs/consumers.md and shares no code with the
// services. The event must have only texts without special characters, and integers.
func (sys *System) SignEvent(service, kind, subject string, data any) (string, error) {
	seed, err := base64.StdEncoding.DecodeString(sys.EventKeys[strings.ToUpper(service)+"_EVENT_SIGNING_KEY"])
	if err != nil {
		return "", err
	}
	text, err := signedText(kind, subject, data)
	if err != nil {
		return "", err
	}
	return base64.RawURLEncoding.EncodeToString(ed25519.Sign(ed25519.NewKeyFromSeed(seed), text)), nil
}

// signedText returns the canonical form of the signed text. json.Marshal sorts the members of maps.
func signedText(kind, subject string, data any) ([]byte, error) {
	var text bytes.Buffer
	encoder := json.NewEncoder(&text)
	encoder.SetEscapeHTML(false)
	err := encoder.Encode(map[string]any{"type": kind, "subject": subject, "data": data})
	return bytes.TrimSuffix(text.Bytes(), []byte("\n")), err
}

// verifyEvent returns an error unless the publisher of the record's topic has signed the event.
func (sys *System) verifyEvent(record *kgo.Record) error {
	var e struct {
		Type, Source, Subject, Signature string
		Data                             any
	}
	decoder := json.NewDecoder(bytes.NewReader(record.Value))
	decoder.UseNumber()
	if err := decoder.Decode(&e); err != nil {
		return err
	}
	want, err := sys.SignEvent(event.PublisherOf(record.Topic, e.Source), e.Type, e.Subject, e.Data)
	if err == nil && e.Signature != want { // a key signs the same text always in the same way (RFC 8032)
		err = fmt.Errorf("the signature is %q, want %q", e.Signature, want)
	}
	return err
}
