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

// downloadVersion is the version of Postgres that is downloaded if the machine has none.
const downloadVersion = embeddedpostgres.V17

// postgresPrograms returns the folder of initdb and postgres: the first of installedPostgres, or that of a Postgres which it
// downloads once. An existing data directory needs the major version that made it.
func postgresPrograms(ctx context.Context, dataDir string, user owner, options Options) (string, error) {
	version, err := os.ReadFile(filepath.Join(dataDir, "PG_VERSION"))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	major := strings.TrimSpace(string(version))
	for _, dir := range installedPostgres(ctx) {
		if major == "" || postgresMajor(ctx, dir) == major {
			return dir, nil
		}
	}
	downloadMajor, _, _ := strings.Cut(string(downloadVersion), ".")
	if major != "" && major != downloadMajor {
		return "", fmt.Errorf("the data in %s needs Postgres %s, which this machine does not have: install it, or move the data away", dataDir, major)
	}
	return downloadPostgres(ctx, user, options)
}

// installedPostgres lists the folders of this machine with initdb and postgres: first the one in the PATH, then that of pg_config,
// then the usual ones, in each place in reverse order of their names: 17 before 16.
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
		return !isExecutable(filepath.Join(dir, "postgres")) || !isExecutable(filepath.Join(dir, "initdb"))
	})
}

func isExecutable(path string) bool {
	info, err := os.Stat(path)
	return err == nil && info.Mode().IsRegular() && info.Mode()&0o111 != 0
}

// postgresMajor returns the major version of the postgres in dir, which prints "postgres (PostgreSQL) 17.5 (Debian ...)".
func postgresMajor(ctx context.Context, dir string) string {
	out, err := exec.CommandContext(ctx, filepath.Join(dir, "postgres"), "--version").Output()
	fields := strings.Fields(string(out))
	if err != nil || len(fields) < 3 {
		return ""
	}
	major, _, _ := strings.Cut(fields[2], ".")
	return major
}

// downloadPostgres downloads the programs with the library embedded-postgres. The library can only start a whole server, so it
// starts one on temporary data. As root its initdb fails, but the programs are in place by then.
func downloadPostgres(ctx context.Context, user owner, options Options) (string, error) {
	cache, err := os.UserCacheDir()
	if err != nil {
		return "", fmt.Errorf("no Postgres on this machine, and no cache folder to download it into: %w", err)
	}
	dir, err := user.makeHome(filepath.Join(cache, "comanda", "postgres-"+string(downloadVersion)))
	if err != nil {
		return "", err
	}
	unlock, err := process.AwaitLock(ctx, dir+".lock")
	if err != nil {
		return "", fmt.Errorf("download Postgres into %s: %w", dir, err)
	}
	defer unlock()
	programs := filepath.Join(dir, "bin")
	if isExecutable(filepath.Join(programs, "postgres")) {
		return programs, user.makeReadable(dir) // the process that downloaded it may have been killed before this step
	}
	options.logf("Postgres: not installed on this machine, downloading version %s once", downloadVersion)
	free, err := port.Reserve()
	if err != nil {
		return "", err
	}
	scratch, err := os.MkdirTemp("", "comanda-postgres-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(scratch) }()
	trial := embeddedpostgres.NewDatabase(embeddedpostgres.DefaultConfig().Version(downloadVersion).
		BinariesPath(dir).CachePath(scratch).RuntimePath(filepath.Join(scratch, "run")).
		Port(uint32(free)).Logger(options.Log))
	startErr := trial.Start()
	if startErr == nil {
		_ = trial.Stop()
	}
	if !isExecutable(filepath.Join(programs, "postgres")) {
		return "", fmt.Errorf("no Postgres on this machine, and it could not be downloaded (%w): install Postgres 15 or newer", startErr)
	}
	return programs, user.makeReadable(dir)
}
