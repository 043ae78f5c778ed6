package secret

import (
	"strings"
	"testing"

	"comanda/services"
)

// A replaced signing key stays listed behind the new one, until newer ones follow it.
func TestPublicKeysKeepThoseOfReplacedSigningKeys(t *testing.T) {
	settings, err := NewEventSettings()
	if err != nil {
		t.Fatal(err)
	}
	first := strings.Split(settings[EventPublicKeys], ",")
	if len(first) != len(services.Stateful) || !strings.HasPrefix(first[0], services.Stateful[0]+"=") {
		t.Fatalf("got %v, want one key for each of %v", first, services.Stateful)
	}
	unchanged, err := PublicKeys(settings, settings[EventPublicKeys])
	if err != nil || unchanged != settings[EventPublicKeys] {
		t.Errorf("the same keys again: got %s (error: %v), want %s", unchanged, err, settings[EventPublicKeys])
	}
	list, service := settings[EventPublicKeys], services.Stateful[0]
	var all []string // the keys of service, the newest first
	for range keptPublicKeys + 2 {
		settings[EventKey(service).Name] = EventKey(service).Make()
		if list, err = PublicKeys(settings, list); err != nil {
			t.Fatal(err)
		}
		all = append([]string{strings.Split(list, ",")[0]}, all...)
	}
	want := strings.Join(append(all[:keptPublicKeys:keptPublicKeys], first[1:]...), ",")
	if list != want {
		t.Errorf("after %d replacements: got\n%s, want\n%s", keptPublicKeys+2, list, want)
	}
	if _, err := PublicKeys(map[string]string{}, ""); err == nil {
		t.Error("a list without signing keys: got no error")
	}
}
