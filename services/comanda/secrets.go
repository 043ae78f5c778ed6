package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"comanda/services"
	"comanda/services/secret"
)

// Where the secrets are kept and where each part's own go to: volumes are mounted there.
const (
	keptFolder = "/var/lib/comanda/secrets"
	runFolder  = "/var/lib/comanda/run"
)

// firstDatabasePort is the port of this machine that leads to the first database; the others follow.
const firstDatabasePort = 5433

// secrets makes what is missing and hands it out, or shows it. It can be run again at any time: what is there stays.
func secrets(_ context.Context, c call) error {
	flags := flag.NewFlagSet("secrets", flag.ContinueOnError)
	flags.SetOutput(c.stderr)
	folder := flags.String("kept", keptFolder, "where the secrets are kept")
	run := flags.String("run", runFolder, "the folder of the parts' folders")
	if err := flags.Parse(c.args); err != nil {
		return errUsage
	}
	store := filepath.Join(*folder, "secrets.env")
	switch {
	case flags.NArg() == 0:
		return handOut(c, store, *run)
	case slices.Equal(flags.Args(), []string{"show"}):
		return show(c, store)
	case slices.Equal(flags.Args(), []string{"folders"}):
		return makeFolders(*folder, *run)
	}
	return errors.New("say nothing more, or show, or folders")
}

func handOut(c call, store, run string) error {
	if err := checkKey(c.environ); err != nil {
		return err
	}
	kept, err := readKept(store)
	if err != nil {
		return err
	}
	// A given value is kept too, so that a database keeps its password when the shell that gave it is closed.
	settings, made, err := secret.Complete(all(), kept, c.environ)
	if err != nil {
		return err
	}
	if err := keep(store, settings); err != nil {
		return err
	}
	if err := deliver(run, settings); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.stdout, "%d secrets are there, %d of them new; `secrets show` shows those a person needs\n", len(all()), made)
	return nil
}

// makeFolders makes the folders that handOut writes into. The image has them, so that the volumes get the right owner.
func makeFolders(kept, run string) error {
	err := os.MkdirAll(kept, 0o700)
	for _, each := range parcels(nil, nil) {
		err = errors.Join(err, os.MkdirAll(filepath.Join(run, each.part), 0o755))
	}
	return err
}

// readKept reads what is kept; before the first run that is nothing. A file without a single secret is no first run: the
// databases have the passwords that were in it, and new ones would lock their services out.
func readKept(store string) (map[string]string, error) {
	kept, err := secret.Read(store)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err == nil && !slices.ContainsFunc(all(), func(each secret.Secret) bool { return kept[each.Name] != "" }) {
		err = fmt.Errorf("%s is there but holds no secret: put back its copy (docs/operations.md), or remove it if there is no data yet", store)
	}
	return kept, err
}

// keep writes the secrets to the disk. Only then may a part get them.
func keep(store string, kept map[string]string) error {
	return secret.Write(store, []byte(lines(kept)), 0o400)
}

func lines(settings map[string]string) string {
	return strings.Join(append(secret.Lines(settings), ""), "\n")
}

// show prints what a person needs to log in, in a form that a shell reads as well.
func show(c call, store string) error {
	kept, err := readKept(store)
	if err != nil {
		return err
	}
	if len(kept) == 0 {
		return fmt.Errorf("nothing is kept yet: there is no %s", store)
	}
	say := func(about string, names ...string) {
		_, _ = fmt.Fprintf(c.stdout, "# %s\n", about)
		for _, name := range names {
			_, _ = fmt.Fprintf(c.stdout, "%s=%s\n", name, secret.Quote(kept[name]))
		}
	}
	say("The first admin: POST /api/v1/auth/login", "ADMIN_EMAIL", "ADMIN_PASSWORD")
	say("The kitchen's account: the demo makes it when it is first played", "KITCHEN_EMAIL", "KITCHEN_PASSWORD")
	say("Grafana, user admin", "GRAFANA_ADMIN_PASSWORD")
	_, _ = fmt.Fprintln(c.stdout, "# The databases, from this machine: psql, and one of these")
	for i, service := range services.Stateful {
		address := databaseURL(kept, service, fmt.Sprintf("127.0.0.1:%d", firstDatabasePort+i))
		_, _ = fmt.Fprintf(c.stdout, "%s=%s\n", of(service, "DATABASE"), secret.Quote(address))
	}
	return nil
}
