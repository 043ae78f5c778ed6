package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"comanda/services"
	"comanda/services/secret"
)

// Volumes are mounted on these folders.
const (
	storeFolder = "/var/lib/comanda/secrets" // holds all secrets
	runFolder   = "/var/lib/comanda/run"     // holds one folder for each part
)

// firstDatabasePort is the port of this machine that the first database is published on; the other databases follow.
const firstDatabasePort = 5433

// runSecrets generates the missing secrets and distributes all, or prints them. It can run again at any time: existing
// secrets stay.
func runSecrets(_ context.Context, c call) error {
	flags := flag.NewFlagSet("secrets", flag.ContinueOnError)
	flags.SetOutput(c.stderr)
	folder := flags.String("kept", storeFolder, "the folder that holds all secrets")
	run := flags.String("run", runFolder, "the folder that holds one folder for each part")
	if err := flags.Parse(c.args); err != nil {
		return errUsage
	}
	store := filepath.Join(*folder, "secrets.env")
	switch {
	case flags.NArg() == 0:
		return distributeSecrets(c, store, *run)
	case slices.Equal(flags.Args(), []string{"show"}):
		return showSecrets(c, store)
	case slices.Equal(flags.Args(), []string{"folders"}):
		return makeFolders(*folder, *run)
	}
	return fmt.Errorf("unknown arguments %q: use `secrets`, `secrets show` or `secrets folders`", flags.Args())
}

// distributeSecrets generates the missing secrets, stores all, and then writes each part's files.
func distributeSecrets(c call, store, run string) error {
	keys, err := readKeys(c.environ)
	if err != nil {
		return err
	}
	stored, err := readStored(store)
	if err != nil {
		return err
	}
	// A value from the environment is stored too: the database still has that password after the variable is unset.
	settings, generated, err := secret.Complete(allSecrets(), stored, c.environ)
	if err != nil {
		return err
	}
	if settings[secret.EventPublicKeys], err = secret.PublicKeys(settings, stored[secret.EventPublicKeys]); err != nil {
		return err
	}
	if err := storeSecrets(store, settings); err != nil {
		return err
	}
	maps.Copy(settings, keys)
	if err := writePartFiles(run, settings); err != nil {
		return err
	}
	_, _ = fmt.Fprintf(c.stdout, "%d secrets exist, %d of them new; `secrets show` prints those a person needs\n", len(allSecrets()), generated)
	return nil
}

// makeFolders makes the folders that distributeSecrets writes into. The image contains them, so that the volumes get the
// right owner.
func makeFolders(store, run string) error {
	err := os.MkdirAll(store, 0o700)
	for _, file := range partFiles(nil, nil) {
		err = errors.Join(err, os.MkdirAll(filepath.Join(run, file.part), 0o755))
	}
	return err
}

// readStored reads the stored secrets; before the first run there are none. An existing file without any secret is an error: the
// databases still have the passwords that it held, and new passwords would lock the services out.
func readStored(store string) (map[string]string, error) {
	stored, err := secret.Read(store)
	if errors.Is(err, fs.ErrNotExist) {
		return map[string]string{}, nil
	}
	if err == nil && !slices.ContainsFunc(allSecrets(), func(s secret.Secret) bool { return stored[s.Name] != "" }) {
		err = fmt.Errorf("%s exists but holds no secret: restore it from its backup (docs/operations.md), or remove it if there is no data yet", store)
	}
	return stored, err
}

// storeSecrets writes the secrets to the disk. Parts may get them only after that: a secret that a database has and the store has not
// would be lost.
func storeSecrets(store string, stored map[string]string) error {
	return secret.Write(store, []byte(settingsText(stored)), 0o400)
}

// settingsText returns settings as lines of NAME=value.
func settingsText(settings map[string]string) string {
	return strings.Join(append(secret.Lines(settings), ""), "\n")
}

// showSecrets prints the secrets that a person needs to log in, in a form that a shell can read too.
func showSecrets(c call, store string) error {
	stored, err := readStored(store)
	if err != nil {
		return err
	}
	if len(stored) == 0 {
		return fmt.Errorf("no secrets are stored yet: %s does not exist: run `comanda secrets` first", store)
	}
	printSettings := func(about string, names ...string) {
		_, _ = fmt.Fprintf(c.stdout, "# %s\n", about)
		for _, name := range names {
			_, _ = fmt.Fprintf(c.stdout, "%s=%s\n", name, secret.Quote(stored[name]))
		}
	}
	printSettings("The first admin: POST /api/v1/auth/login", "ADMIN_EMAIL", "ADMIN_PASSWORD")
	printSettings("The kitchen's account: the first run of the demo registers it", "KITCHEN_EMAIL", "KITCHEN_PASSWORD")
	printSettings("Grafana, user admin", "GRAFANA_ADMIN_PASSWORD")
	_, _ = fmt.Fprintln(c.stdout, "# The databases, from this machine: psql with one of these URLs")
	for i, service := range services.Stateful {
		address := databaseURL(stored, service, fmt.Sprintf("127.0.0.1:%d", firstDatabasePort+i))
		_, _ = fmt.Fprintf(c.stdout, "%s=%s\n", settingOf(service, "DATABASE"), secret.Quote(address))
	}
	return nil
}
