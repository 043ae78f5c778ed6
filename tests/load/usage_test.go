package load

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"

	"comanda/infra/process"
	"comanda/services"
	"comanda/tests/system"
)

// clockTick is the unit of processor times in /proc, on every architecture that Go supports.
const clockTick = 10 * time.Millisecond

// usage is what a system has used since its start.
type usage struct {
	at        time.Time
	processor map[string]time.Duration // user and system, by process
	allocated map[string]allocations   // on the heap, by service and sidecar
	commits   map[string]float64       // by database
	wal       wal
}

// allocations counts what a program has allocated on its heap.
type allocations struct{ objects, bytes float64 }

// wal counts what the whole server has written to its write-ahead log.
type wal struct{ Bytes, Records, Images, Syncs float64 }

// readUsage reads the counters of a system.
func readUsage(ctx context.Context, sys *system.System) (usage, error) {
	u := usage{at: time.Now(), processor: map[string]time.Duration{}, allocated: map[string]allocations{}, commits: map[string]float64{}}
	pids := map[string]int{"broker": sys.Kafka.PID()}
	for _, program := range sys.Programs() {
		pids[program.Name] = program.PID()
	}
	for name, pid := range pids {
		own, _, err := processorTime(pid)
		if err != nil {
			return u, fmt.Errorf("the processor time of %s, which needs /proc: %w", name, err)
		}
		u.processor[name] = own
	}
	err := errors.Join(u.readAllocations(ctx, sys), u.readPostgres(ctx, sys))
	return u, err
}

// readAllocations reads the counters of Go's runtime, which every service and sidecar exports.
func (u *usage) readAllocations(ctx context.Context, sys *system.System) error {
	for _, service := range services.Names {
		for _, pair := range sys.Replicas(service) {
			for name, url := range map[string]string{pair.Service.Name: pair.MetricsURL, pair.Sidecar.Name: pair.SidecarMetricsURL} {
				metrics, err := system.MetricsAt(ctx, url+"?name[]=go_memstats_mallocs_total&name[]=go_memstats_alloc_bytes_total")
				if err != nil {
					return err
				}
				objects, bytes := metrics["go_memstats_mallocs_total"], metrics["go_memstats_alloc_bytes_total"]
				if objects == 0 || bytes == 0 {
					return fmt.Errorf("%s does not count its allocations", url)
				}
				u.allocated[name] = allocations{objects, bytes}
			}
		}
	}
	return nil
}

// readPostgres reads the counters of Postgres and of its processes, of which each serves one connection.
func (u *usage) readPostgres(ctx context.Context, sys *system.System) error {
	own, ended, err := processorTime(sys.Postgres.PID())
	if err != nil {
		return err
	}
	u.processor["postgres"] = own + ended
	for _, child := range process.Children(sys.Postgres.PID()) {
		if took, _, err := processorTime(child.PID); err == nil { // a connection may end meanwhile
			u.processor["postgres"] += took
		}
	}
	conn, err := pgx.Connect(ctx, sys.Postgres.URL("postgres"))
	if err != nil {
		return err
	}
	defer func() { _ = conn.Close(context.WithoutCancel(ctx)) }()
	err = conn.QueryRow(ctx, `select wal_bytes::float8, wal_records, wal_fpi, wal_sync from pg_stat_wal`).
		Scan(&u.wal.Bytes, &u.wal.Records, &u.wal.Images, &u.wal.Syncs)
	if err != nil {
		return err
	}
	for _, service := range services.Stateful {
		var commits float64
		err := conn.QueryRow(ctx, `select xact_commit from pg_stat_database where datname = $1`, "comanda_"+service).Scan(&commits)
		if err != nil {
			return err
		}
		u.commits[service] = commits
	}
	return nil
}

// processorTime returns the processor time of a process, and that of its children that have ended.
func processorTime(pid int) (own, ended time.Duration, err error) {
	text, err := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
	if err != nil {
		return 0, 0, err
	}
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:])) // behind the name, which may contain spaces
	ticks := make([]time.Duration, 4)                                         // utime, stime, cutime, cstime: fields 14 to 17 of proc_pid_stat(5)
	for i := range ticks {
		n, err := strconv.Atoi(fields[11+i])
		if err != nil {
			return 0, 0, err
		}
		ticks[i] = time.Duration(n) * clockTick
	}
	return ticks[0] + ticks[1], ticks[2] + ticks[3], nil
}
