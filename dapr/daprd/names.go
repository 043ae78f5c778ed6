package main

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math/rand/v2"
	"sync"
	"time"

	authsqlite "github.com/dapr/components-contrib/common/authentication/sqlite"
	"github.com/dapr/components-contrib/nameresolution"
	"github.com/dapr/components-contrib/nameresolution/sqlite"
	"github.com/dapr/kit/logger"
	"github.com/dapr/kit/metadata"
)

// hostsLifetime is how long the sidecar uses the hosts that it read last. So it may call a stopped sidecar for that much longer. Dapr
// does not tell a resolver that a call failed, so a longer lifetime would delay the recovery.
const hostsLifetime = 200 * time.Millisecond

// registerRetry is the pause after the sidecar could not be registered.
const registerRetry = 500 * time.Millisecond

// hosts is Dapr's name resolution in a SQLite file, with lookups of our own. Dapr's resolver registers the sidecar and renews
// the registration. If it cannot register, for example because the file is locked while other sidecars start, Dapr logs the error and starts
// a sidecar that none can call and that finds none. hosts tries again instead, and the sidecar is not ready before.
//
// The lookups of Dapr's resolver have two faults:
//
//   - A lookup that its caller cancels leaves a pooled connection inside a read transaction. That connection sees old rows from
//     then on, so running sidecars look expired ("no host found"), and SQLite refuses its writes, so the sidecar's own
//     registration expires too. Here nothing cancels a query, and the connection that reads is not the one that renews.
//   - Each invocation runs a query, which takes a fifth of the processor time of the gateway's sidecar. Here a query reads all hosts,
//     at most once in hostsLifetime.
//
// hosts does not implement nameresolution.ResolverMulti: Dapr would then keep the addresses for 20 s, and drop the one of a dead
// sidecar only when no resiliency policy covers the call.
type hosts struct {
	nameresolution.Resolver // Dapr's, which registers this sidecar; nil before

	log      logger.Logger
	settings hostsSettings
	db       *sql.DB
	now      func() time.Time

	mu     sync.Mutex
	byApp  map[string][]string // the addresses of each app's sidecars
	readAt time.Time
}

// hostsSettings are the settings of Dapr's component that lookups need
// (https://docs.dapr.io/reference/supported-name-resolution/nr-sqlite/).
type hostsSettings struct {
	authsqlite.SqliteAuthMetadata `mapstructure:",squash"`

	TableName      string        `mapstructure:"tableName"`
	UpdateInterval time.Duration `mapstructure:"updateInterval"` // a host that was not renewed for so long has expired
}

func newHosts(log logger.Logger) nameresolution.Resolver {
	return &hosts{log: log, now: time.Now}
}

// Init registers the sidecar and opens a connection for lookups. It tries until it succeeds or ctx ends.
func (h *hosts) Init(ctx context.Context, md nameresolution.Metadata) error {
	for {
		err := h.register(ctx, md)
		if err == nil {
			return nil
		}
		h.log.Warnf("This sidecar cannot be registered in the file of all sidecars, trying again in %s: %v", registerRetry, err)
		select {
		case <-ctx.Done():
			return err
		case <-time.After(registerRetry):
		}
	}
}

// register registers the sidecar with a new resolver of Dapr's, because one that failed may be half initialised.
func (h *hosts) register(ctx context.Context, md nameresolution.Metadata) error {
	resolver := sqlite.NewResolver(h.log)
	err := resolver.Init(ctx, md)
	if err == nil {
		err = h.open(md)
	}
	if err != nil {
		return errors.Join(err, resolver.Close())
	}
	h.Resolver = resolver
	return nil
}

// open opens a connection for lookups.
func (h *hosts) open(md nameresolution.Metadata) error {
	h.settings = hostsSettings{TableName: "hosts", UpdateInterval: 5 * time.Second}
	h.settings.Reset()
	if err := metadata.DecodeMetadata(md.Configuration, &h.settings); err != nil {
		return err
	}
	address, err := h.settings.GetConnectionString(h.log, authsqlite.GetConnectionStringOpts{})
	if err != nil {
		return err
	}
	if h.db, err = sql.Open("sqlite", address); err != nil {
		return fmt.Errorf("open the hosts' database: %w", err)
	}
	h.db.SetMaxOpenConns(1)
	return nil
}

// ResolveID returns the address of a running sidecar of the app: a random one, if there are several. It returns
// sqlite.ErrNoHost if there is none.
func (h *hosts) ResolveID(_ context.Context, request nameresolution.ResolveRequest) (string, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if now := h.now(); now.Sub(h.readAt) >= hostsLifetime {
		byApp, err := h.read()
		if err != nil {
			return "", fmt.Errorf("look up the address of %s: %w", request.ID, err)
		}
		h.byApp, h.readAt = byApp, now
	}
	addresses := h.byApp[request.ID]
	if len(addresses) == 0 {
		return "", sqlite.ErrNoHost
	}
	return addresses[rand.IntN(len(addresses))], nil
}

// read returns the registered hosts that have not expired. It takes no context: see hosts.
func (h *hosts) read() (byApp map[string][]string, err error) {
	rows, err := h.db.Query("select app_id, address from "+h.settings.TableName+
		" where unixepoch(current_timestamp) - last_update < ?", int(h.settings.UpdateInterval.Seconds()))
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	byApp = map[string][]string{}
	for rows.Next() {
		var app, address string
		if err := rows.Scan(&app, &address); err != nil {
			return nil, err
		}
		byApp[app] = append(byApp[app], address)
	}
	return byApp, rows.Err()
}

// Close ends the registration.
func (h *hosts) Close() error {
	if h.Resolver == nil { // never registered
		return nil
	}
	return errors.Join(h.Resolver.Close(), h.db.Close())
}
