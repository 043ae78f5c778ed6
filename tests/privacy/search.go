package privacy

import (
	"context"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/twmb/franz-go/pkg/kadm"
	"github.com/twmb/franz-go/pkg/kgo"

	"comanda/services"
	"comanda/services/comanda/kafka"
	"comanda/tests/system"
)

// place is a log, a topic or a table, with everything that it holds.
type place struct{ name, text string }

// found returns the names of the places that hold a text, as it is or in hexadecimal, as Postgres prints bytes.
func found(places []place, text string) (names []string) {
	for _, p := range places {
		if strings.Contains(p.text, text) || strings.Contains(p.text, hex.EncodeToString([]byte(text))) {
			names = append(names, p.name)
		}
	}
	slices.Sort(names)
	return names
}

// logs returns the logs of all processes.
func logs(sys *system.System) ([]place, error) {
	files, err := sys.Logs()
	var places []place
	for name, text := range files {
		places = append(places, place{name, text})
	}
	if len(places) < 12 { // five services, five sidecars, Postgres and the broker
		return places, fmt.Errorf("got %d logs, want at least 12 (%w)", len(places), err)
	}
	return places, err
}

// topics reads every record of every topic on the broker, internal ones included: key, headers and value.
func topics(ctx context.Context, brokers string) ([]place, error) {
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...))
	if err != nil {
		return nil, err
	}
	defer client.Close()
	ends, err := kafka.EndOffsets(ctx, kadm.NewClient(client))
	if err != nil {
		return nil, err
	}
	var places []place
	for topic, partitions := range ends {
		text, err := records(ctx, brokers, topic, partitions)
		if err != nil {
			return nil, fmt.Errorf("topic %s: %w", topic, err)
		}
		places = append(places, place{topic, text})
	}
	return places, nil
}

// records reads the records of a topic up to the given ends.
func records(ctx context.Context, brokers, topic string, ends map[int32]kadm.ListedOffset) (string, error) {
	from, missing := map[int32]kgo.Offset{}, int64(0)
	for partition, end := range ends {
		from[partition], missing = kgo.NewOffset().At(0), missing+end.Offset
	}
	if missing == 0 {
		return "", nil
	}
	client, err := kgo.NewClient(kgo.SeedBrokers(strings.Split(brokers, ",")...),
		kgo.ConsumePartitions(map[string]map[int32]kgo.Offset{topic: from}))
	if err != nil {
		return "", err
	}
	defer client.Close()
	var text strings.Builder
	for missing > 0 {
		fetches := client.PollFetches(ctx)
		if err := fetches.Err(); err != nil {
			return "", err
		}
		fetches.EachRecord(func(r *kgo.Record) {
			missing--
			fmt.Fprintf(&text, "%s %s\n", r.Key, r.Value)
			for _, header := range r.Headers {
				fmt.Fprintf(&text, "%s=%s\n", header.Key, header.Value)
			}
		})
	}
	return text.String(), nil
}

// tables reads every row of every table of every database.
func tables(ctx context.Context, sys *system.System) ([]place, error) {
	var places []place
	for _, service := range services.Stateful {
		rows, err := rowsOf(ctx, sys.DatabaseURL(service))
		if err != nil {
			return nil, fmt.Errorf("database of %s: %w", service, err)
		}
		for _, row := range rows {
			places = append(places, place{service + " " + row.name, row.text})
		}
	}
	return places, nil
}

// rowsOf returns each table of a database, with its rows as JSON.
func rowsOf(ctx context.Context, url string) (places []place, err error) {
	conn, err := pgx.Connect(ctx, url)
	if err != nil {
		return nil, err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	rows, _ := conn.Query(ctx, `select schemaname || '.' || tablename from pg_tables
		where schemaname not in ('pg_catalog', 'information_schema') order by 1`)
	names, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	for _, name := range names {
		rows, _ := conn.Query(ctx, `select row_to_json(t)::text from `+name+` t`)
		lines, err := pgx.CollectRows(rows, pgx.RowTo[string])
		if err != nil {
			return nil, fmt.Errorf("table %s: %w", name, err)
		}
		places = append(places, place{name, strings.Join(lines, "\n")})
	}
	return places, nil
}
