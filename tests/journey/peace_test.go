package journey

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services/event"
	"comanda/tests/system"
)

// atPeace says what is wrong with a system in which nothing was broken: an event that could not be processed or published,
// or a part that complained.
func atPeace(s *system.System) error {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := nothingLeft(ctx, s); err != nil {
		return err
	}
	for _, program := range s.Programs() {
		for line := range strings.Lines(program.Log()) {
			if strings.Contains(line, `"level":"ERROR"`) || strings.Contains(line, `"level":"error"`) || strings.HasPrefix(line, "panic:") {
				return fmt.Errorf("%s complains in peace: %s", program.Name, strings.TrimSpace(line))
			}
		}
	}
	return nil
}

// nothingLeft wants every event to have been published and processed: none waits in an outbox, none is a dead letter.
func nothingLeft(ctx context.Context, s *system.System) error {
	for _, service := range system.Services[1:] {
		for pause := 10 * time.Millisecond; ; pause *= 2 {
			rows, err := query(ctx, s.DatabaseURL(service), `select key from state where key like 'outbox-%'`)
			if err == nil && len(rows) == 0 {
				break
			}
			select {
			case <-ctx.Done():
				return fmt.Errorf("%d events of %s are not published (%w): %v", len(rows), service, err, rows)
			case <-time.After(pause):
			}
		}
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(s.Kafka.Brokers(), ",")...))
	if err != nil {
		return err
	}
	defer client.Close()
	for _, service := range event.Consumers {
		ends, err := kadm.NewClient(client).ListEndOffsets(ctx, event.DeadLetters(service))
		if err == nil {
			err = ends.Error()
		}
		if err != nil {
			return err
		}
		ends.Each(func(o kadm.ListedOffset) {
			if o.Offset > 0 {
				err = fmt.Errorf("%s has %d dead letters in partition %d", service, o.Offset, o.Partition)
			}
		})
		if err != nil {
			return err
		}
	}
	return nil
}
