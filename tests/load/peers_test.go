package load

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/infra"
	"comanda/services/secret"
)

var peersDir = flag.String("peers", "", "a folder with the same saga in other ways, each with two scripts: NAME.sh starts it, NAMEload.sh loads it")

// peers are measured if the folder has their scripts: a hand-written saga, and three by libraries.
var peers = []string{"a", "dbos", "river", "watermill"}

// peersPort is the port of Postgres that the scripts expect.
const peersPort = 5433

// BenchmarkPeers measures what an order costs in the peers. Their orders pass no gateway, have no tokens and no limits, and write less.
func BenchmarkPeers(b *testing.B) {
	if *peersDir == "" {
		b.SkipNow() // an option: the peers are not part of this repository
	}
	for b.Loop() {
		lab := prepareLab(b)
		fmt.Printf("\n%-16s %12s %16s\n", "peer", "confirmed/s", "processor ms")
		for _, peer := range peers {
			if _, err := os.Stat(filepath.Join(lab.dir, peer+".sh")); err != nil {
				continue
			}
			lab.run(b, peer+".sh")
			perSecond, processor, err := parseLoad(lab.run(b, peer+"load.sh", "-c", "64", "-backlog", "256", "-d", loadFor.String()))
			if err != nil {
				b.Fatalf("%s: %v", peer, err)
			}
			fmt.Printf("%-16s %12.0f %16.2f\n", peer, perSecond, processor)
			b.ReportMetric(perSecond, peer+"-confirmed/s")
		}
	}
	b.ReportMetric(0, "ns/op")
}

// lab is a copy of the peers' folder with its programs, and a Postgres for them.
type lab struct {
	dir     string
	environ []string
}

// prepareLab copies and builds the peers, and starts Postgres for them. All of it ends with the benchmark.
func prepareLab(b *testing.B) lab {
	b.Helper()
	l := lab{dir: filepath.Join(b.TempDir(), "lab")}
	if err := os.CopyFS(l.dir, os.DirFS(*peersDir)); err != nil {
		b.Fatal(err)
	}
	if err := l.build(b.Context()); err != nil {
		b.Fatal(err)
	}
	postgres, err := infra.StartPostgres(b.Context(), infra.Options{Dir: b.TempDir(), Port: peersPort, Log: io.Discard})
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = postgres.Stop(context.WithoutCancel(b.Context())) })
	password := secret.Password()
	conn, err := pgx.Connect(b.Context(), postgres.URL("postgres"))
	if err == nil {
		_, err = conn.Exec(b.Context(), `create role postgres superuser login password '`+password+`'`)
		err = errors.Join(err, conn.Close(b.Context()))
	}
	if err != nil {
		b.Fatal(err)
	}
	l.environ = append(os.Environ(), "PGPASSWORD="+password, "PG="+strconv.Itoa(postgres.PID()), "PARTS=16", "POOL=16", "MODE=run")
	b.Cleanup(func() { l.run(b, "-c", ". ./lib.sh; stopall") })
	return l
}

// build builds the load generator, the broker and the peers. The peer a belongs to the lab's module, the others are modules of their own.
func (l lab) build(ctx context.Context) error {
	bin := filepath.Join(l.dir, "bin") + string(filepath.Separator)
	if err := os.MkdirAll(bin, 0o755); err != nil {
		return err
	}
	_, err := output(ctx, l.dir, "go", "build", "-o", bin, "./load", "./kfake", "./a")
	for _, peer := range peers {
		if _, statErr := os.Stat(filepath.Join(l.dir, peer, "go.mod")); statErr == nil {
			_, failed := output(ctx, filepath.Join(l.dir, peer), "go", "build", "-o", bin, ".")
			err = errors.Join(err, failed)
		}
	}
	return err
}

// run runs bash in the lab and returns what it prints. The programs that a script starts keep running, so their output is not waited for.
func (l lab) run(b *testing.B, arguments ...string) string {
	b.Helper()
	command := exec.CommandContext(context.WithoutCancel(b.Context()), "bash", arguments...)
	command.Dir, command.Env, command.WaitDelay = l.dir, l.environ, time.Second
	var printed strings.Builder
	command.Stdout, command.Stderr = &printed, &printed
	if err := command.Run(); err != nil && !errors.Is(err, exec.ErrWaitDelay) {
		b.Fatalf("%s: %v: %s", arguments[0], err, printed.String())
	}
	return printed.String()
}

var (
	confirmedPattern = regexp.MustCompile(`conf/s=(\d+)`)
	sharePattern     = regexp.MustCompile(` ([a-z*-]+)=(\d+)`)
)

// parseLoad returns the confirmed orders per second, and the processor milliseconds per order without those of the load generator. The
// generator prints "conf/s=720", and behind "cpu%:" the percentage of a core of each process: 1 % is 10 ms in each second.
func parseLoad(text string) (perSecond, processor float64, err error) {
	found := confirmedPattern.FindStringSubmatch(text)
	_, shares, ok := strings.Cut(text, "cpu%:")
	if found == nil || !ok {
		return 0, 0, fmt.Errorf("cannot read the load generator's output: %s", text)
	}
	if perSecond, err = strconv.ParseFloat(found[1], 64); err != nil || perSecond == 0 {
		return 0, 0, fmt.Errorf("no order was confirmed: %s", text)
	}
	for _, share := range sharePattern.FindAllStringSubmatch(shares, -1) {
		percent, err := strconv.ParseFloat(share[2], 64)
		if err != nil {
			return 0, 0, err
		}
		if share[1] != "load" && share[1] != "steal" {
			processor += percent
		}
	}
	return perSecond, processor * 10 / perSecond, nil
}
