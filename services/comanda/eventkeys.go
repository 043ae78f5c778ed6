package main

import (
	"context"
	"fmt"

	"comanda/services/secret"
)

// runEventKeys prints the settings of the events' signatures. A signing key in the environment stays. The keys of an
// EVENT_PUBLIC_KEYS in the environment stay listed behind the current ones, so that events of a replaced key are still accepted.
func runEventKeys(_ context.Context, c call) error {
	if len(c.args) > 0 {
		return fmt.Errorf("unknown arguments %q: settings come from the environment", c.args)
	}
	settings, _, err := secret.Complete(secret.EventKeys(), map[string]string{}, c.environ)
	if err != nil {
		return err
	}
	if settings[secret.EventPublicKeys], err = secret.PublicKeys(settings, c.environ[secret.EventPublicKeys]); err != nil {
		return err
	}
	_, err = fmt.Fprint(c.stdout, settingsText(settings))
	return err
}
