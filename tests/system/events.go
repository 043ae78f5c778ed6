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

// eventsTimeout limits the time in which CheckEvents reads the remaining events.
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

// LoseBroker makes the broker lose its data, and declares the topics again, as an operator does with `comanda topics`. It checks the
// events published before, and then follows the events published after.
func (sys *System) LoseBroker(ctx context.Context) error {
	waiting, cancel := context.WithTimeout(ctx, eventsTimeout)
	defer cancel()
	_ = sys.events.Wait(waiting) // a broker that is frozen or ended keeps what the reader has not read
	sys.lost = errors.Join(sys.lost, sys.events.Err())
	sys.events.Close()
	err := sys.Kafka.Lose(ctx)
	if err == nil {
		err = sys.DeclareTopics(ctx)
	}
	return errors.Join(err, sys.followEvents())
}

// CheckEvents returns an error if an event so far violates docs/asyncapi.yaml or lacks its publisher's signature, or if the events could
// not be read. A record with the header asyncapi.ViolationHeader is exempt.
func (sys *System) CheckEvents() error {
	if sys.events == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), eventsTimeout)
	defer cancel()
	if err := errors.Join(sys.events.Wait(ctx), sys.events.Err(), sys.lost); err != nil {
		return err
	}
	if sys.events.Events()["creating.user"] == 0 { // every system creates its administrator
		return fmt.Errorf("the check of the events read none: got %v", sys.events.Events())
	}
	return nil
}
