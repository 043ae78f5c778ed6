package system

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"time"

	"comanda/infra/build"
	"comanda/tests/asyncapi"
)

// eventsTimeout limits the time in which CheckEvents reads what is left.
const eventsTimeout = 15 * time.Second

// followEvents starts to read every event that crosses the broker, until Stop.
func (sys *System) followEvents() error {
	root, err := build.Root()
	if err != nil {
		return err
	}
	document, err := asyncapi.Load(filepath.Join(root, "docs"))
	if err != nil {
		return err
	}
	options, err := sys.Kafka.Settings().ClientOptions()
	if err != nil {
		return err
	}
	sys.events, err = document.Follow(sys.verifyEvent, options...)
	return err
}

// CheckEvents returns an error if an event so far violates docs/asyncapi.yaml. A record with the header asyncapi.ViolationHeader
// is exempt.
func (sys *System) CheckEvents() error {
	ctx, cancel := context.WithTimeout(context.Background(), eventsTimeout)
	defer cancel()
	if err := errors.Join(sys.events.Wait(ctx), sys.events.Err()); err != nil {
		return err
	}
	if sys.events.Events()["creating.user"] == 0 { // every system creates its administrator
		return fmt.Errorf("the check of the events read none: got %v", sys.events.Events())
	}
	return nil
}
