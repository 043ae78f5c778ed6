package infra

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"

	embeddedpostgres "github.com/fergusstrange/embedded-postgres"

	"comanda/infra/port"
	"comanda/infra/process"
)

// fetchedPostgres is what is fetched where the machine has no Postgres.
const fetchedPostgres = embeddedpostgres.V17

// postgresPrograms returns the folder of initdb and postgres: the machine's
// own, the newest first, or fetched once. A data directory that exists can
// only be served by the major version that made it.
func postgresPrograms(ctx context.Context, data string, own owner, options Options) (string, error) {
	made, err := os.ReadFile(filepath.Join(data, "PG_VERSION"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	major := strings.TrimSpace(string(made))
	for _, dir := range installedPostgres(ctx) {
		if major == "" || postgresMajor(ctx, dir) == major {
			return dir, nil
		}
	}
	fetched, _, _ := strings.Cut(string(fetchedPostgres), ".")
	if major != "" && major != fetched {
		return "", fmt.Errorf("the data in %s was made by Postgres %s, which is not here: install it, or move the data away", data, major)
	}
	return fetchPostgres(ctx, own, options)
}

// installedPostgres lists the folders of this machine that hold a server.
func installedPostgres(ctx context.Context) []string {
	var found []string
	if path, err := exec.LookPath("postgres"); err == nil {
		if real, err := filepath.EvalSymlinks(path); err == nil {
			found = append(found, filepath.Dir(real))
		}
	}
	if out, err := exec.CommandContext(ctx, "pg_config", "--bindir").Output(); err == nil {
		found = append(found, strings.TrimSpace(string(out)))
	}
	for _, pattern := range []string{
		"/usr/lib/postgresql/*/bin",         // Debian, Ubuntu
		"/usr/pgsql-*/bin",                  // Red Hat
		"/opt/homebrew/opt/postgresql*/bin", // macOS
		"/usr/local/opt/postgresql*/bin",
	} {
		dirs, _ := filepath.Glob(pattern)
		slices.Reverse(dirs)
		found = append(found, dirs...)
	}
	return slices.DeleteFunc(found, func(dir string) bool {
		return !executable(filepath.Join(dir, "postgres")) || !executable(filepath.Join(dir, "initdb"))
	})
}

func executable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// postgresMajor asks the program: "postgres (PostgreSQL) 17.5 (Debian ...)".
func postgresMajor(ctx context.Context, dir string) string {
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	fields := strings.Fields(string(out))
	if err != nil || len(fields) < 3 {
		return ""
	}
	major, _, _ := strings.Cut(fields[2], ".")
	return major
}

// fetchPostgres gets the programs by the embedded-postgres library. The library
// can only start a whole server, so it starts one on scratch data. As root its
// initdb is refused, but the programs are in place by then.
func fetchPostgres(ctx context.Context, own owner, options Options) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no Postgres on this machine, and no place to fetch one to: %w", err)
	}
	dir, err := own.home(filepath.Join(cache, "comanda", "postgres-"+string(fetchedPostgres)))
	if err != nil {
		return "", err
	}
	unlock, err := process.AwaitLock(ctx, dir+".lock")
	if err != nil {
		return "", fmt.Errorf("fetching Postgres into %s: %w", dir, err)
	}
	defer unlock()
	programs := filepath.Join(dir, "bin")
	if executable(filepath.Join(programs, "postgres")) {
		return programs, own.open(dir) // the process that fetched it may have been killed before this step
	}
	options.say("Postgres: none on this machine, fetching version %s once", fetchedPostgres)
	free, err := port.Reserve()
	if err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp("", "comanda-postgres-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	trial := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().Version(fetchedPostgres).
		BinariesPath(dir).CachePath(scratch).RuntimePath(filepath.Join(scratch, "run")).
		Port(uint32(free)).Logger(options.Log))
	started := trial.Start()
	if started == nil {
		_ = trial.Stop()
	}
	if !executable(filepath.Join(programs, "postgres")) {
		return "", fmt.Errorf("no Postgres on this machine, and it could not be fetched (%w): install Postgres 15 or newer", started)
	}
	return programs, own.open(dir)
}
