// Package server starts, serves and stops a service: settings from the environment, JSON logs, health routes, the check of
// the app token, bounds for connections, bodies and slow clients, start-up work that is retried until it succeeds, the
// connection to the sidecar, and an orderly shutdown.
//
// A service that owns data uses Stateful, which adds its Postgres, migrations, event routes and sidecar client. The
// gateway owns no data and calls Serve itself.
package server
