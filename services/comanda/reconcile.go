package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"time"

	"comanda/services"
	"comanda/services/comanda/kafka"
	"comanda/services/comanda/reconcile"
	"comanda/services/event"
	"comanda/services/secret"
)

// errProblems is the result of a check that left problems.
var errProblems = errors.New("the databases do not agree: see above")

// runReconcile reports where the services' databases do not agree, and with -repair mends what is safe. Exit code 0: no problem is
// left; 1: some are left; 2: the check was not possible.
func runReconcile(ctx context.Context, c call) error {
	flags := flag.NewFlagSet("reconcile", flag.ContinueOnError)
	flags.SetOutput(c.stderr)
	repair := flags.Bool("repair", false, "mend what is safe to mend")
	kept := flags.String("kept", "", "the `FOLDER` of all secrets that comanda secrets wrote; instead of URLs in the environment, in compose")
	rest := flags.Duration("rest", 2*time.Minute, "compare only aggregates that have not changed for this long")
	if err := flags.Parse(c.args); err != nil {
		return errUsage
	}
	unable := func(err error) error {
		_, _ = fmt.Fprintf(c.stderr, "comanda reconcile: %v\n", err)
		return errUsage
	}
	if flags.NArg() > 0 || *rest < 0 {
		return unable(errors.New("use: reconcile [-repair] [-kept FOLDER] [-rest 2m]"))
	}
	urls, err := databaseURLs(c.environ, *kept)
	if err != nil {
		return unable(err)
	}
	databases, err := reconcile.Connect(ctx, func(service string) string { return urls[service] }, services.Stateful...)
	if err != nil {
		return unable(err)
	}
	defer databases.Close()
	problems, err := databases.Check(ctx, *rest)
	if err != nil {
		return unable(err)
	}
	dead, err := unstored(ctx, c)
	if err != nil {
		return unable(err)
	}
	return report(ctx, c, append(problems, dead...), *repair)
}

// databaseURLs returns the URLs of the four databases. A URL in the environment wins; with kept, the others are built from the secrets
// that `comanda secrets` wrote into that folder.
func databaseURLs(environ map[string]string, kept string) (map[string]string, error) {
	urls := map[string]string{}
	var stored map[string]string
	if kept != "" {
		var err error
		if stored, err = secret.Read(filepath.Join(kept, "secrets.env")); err != nil {
			return nil, fmt.Errorf("%w: run `comanda secrets` first", err)
		}
	}
	for _, service := range services.Stateful {
		name := settingOf(service, "DATABASE_URL")
		url, err := secret.Given(environ, name)
		if err != nil {
			return nil, err
		}
		if urls[service] = url; url == "" && stored != nil {
			urls[service] = databaseURL(stored, service, service+"-db:5432")
		}
		if urls[service] == "" {
			return nil, fmt.Errorf("%s is not set: set the URLs of all four databases, such as %s=postgres://USER:PASSWORD@HOST:5432/%s", name, name, service)
		}
	}
	return urls, nil
}

// report prints the problems, and mends them if repair is true. It returns errProblems if some are left.
func report(ctx context.Context, c call, problems []reconcile.Problem, repair bool) error {
	repaired := 0
	for _, p := range problems {
		note := ""
		switch {
		case p.Mend != nil && !repair:
			note = " (-repair mends it)"
		case p.Mend != nil:
			did, err := p.Mend(ctx)
			if note = " (repaired: " + did + ")"; err != nil {
				note = fmt.Sprintf(" (not repaired: %v)", err)
			} else {
				repaired++
			}
		}
		_, _ = fmt.Fprintf(c.stdout, "%s: %s%s\n", p.Kind, p.Detail, note)
	}
	_, _ = fmt.Fprintf(c.stdout, "%d problems, %d repaired\n", len(problems), repaired)
	if repaired < len(problems) {
		return errProblems
	}
	return nil
}

// unstored counts the records of the dead-letter topics that no service has stored. Without KAFKA_BROKERS it says that they are not
// counted.
func unstored(ctx context.Context, c call) (found []reconcile.Problem, err error) {
	if c.environ["KAFKA_BROKERS"] == "" {
		_, _ = fmt.Fprintln(c.stderr, "dead letters that are still in Kafka are not counted: KAFKA_BROKERS is not set")
		return nil, nil
	}
	client, _, err := connectKafka(c.environ)
	if err != nil {
		return nil, err
	}
	defer client.Close()
	counts, err := kafka.Unstored(ctx, client)
	if err != nil {
		return nil, err
	}
	for _, service := range slices.Sorted(maps.Keys(counts)) {
		if n := counts[service]; n > 0 {
			found = append(found, reconcile.Problem{Kind: "dead letters",
				Detail: fmt.Sprintf("%s: %d are on %s and not stored (runbook dead-letters.md)", service, n, event.DeadLetters(service))})
		}
	}
	return found, nil
}
