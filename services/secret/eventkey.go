package secret

import (
	"slices"
	"strings"

	"comanda/services"
	"comanda/services/internal/signature"
)

// EventPublicKeys is the setting with the public keys of the services' events.
const EventPublicKeys = "EVENT_PUBLIC_KEYS"

// keptPublicKeys is the number of public keys of one service that stay listed: the one in use and its predecessors, whose events
// are still on the broker.
const keptPublicKeys = 3

// EventKey returns the secret with which service signs its events.
func EventKey(service string) Secret {
	return Secret{Name: strings.ToUpper(service) + "_EVENT_SIGNING_KEY", Make: signature.NewSeed, Check: checkEventKey}
}

// EventKeys returns the signing keys of all services that publish events.
func EventKeys() (list []Secret) {
	for _, service := range services.Stateful {
		list = append(list, EventKey(service))
	}
	return list
}

func checkEventKey(text string) error {
	var key signature.PrivateKey
	return key.UnmarshalText([]byte(text))
}

// PublicKeys returns the value of EVENT_PUBLIC_KEYS for the signing keys in settings. The keys in previous, an earlier value, stay in the
// list, behind the current ones: events that a replaced key has signed may still be on the broker.
func PublicKeys(settings map[string]string, previous string) (string, error) {
	var list []string
	for _, service := range services.Stateful {
		var key signature.PrivateKey
		if err := key.UnmarshalText([]byte(settings[EventKey(service).Name])); err != nil {
			return "", err
		}
		keys := []string{service + "=" + key.Public()}
		for item := range strings.SplitSeq(previous, ",") {
			if strings.HasPrefix(item, service+"=") && !slices.Contains(keys, item) && len(keys) < keptPublicKeys {
				keys = append(keys, item)
			}
		}
		list = append(list, keys...)
	}
	return strings.Join(list, ","), nil
}

// NewEventSettings returns new signing keys of all services, and their public keys.
func NewEventSettings() (map[string]string, error) {
	settings := map[string]string{}
	for _, key := range EventKeys() {
		settings[key.Name] = key.Make()
	}
	var err error
	settings[EventPublicKeys], err = PublicKeys(settings, "")
	return settings, err
}
