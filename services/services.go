// Package services lists the services of Comanda, for programs that start, build or observe all of them. A service's name is
// its folder beside this file and its Dapr app-id.
package services

// Names lists the services in the order of the documentation. The gateway is last, because it is ready only when the others
// are.
var Names = []string{"auth", "user", "order", "product", "gateway"}

// Stateful lists the services with a database: all but the gateway.
var Stateful = Names[:4:4]

// DatabaseLimits are the options of every connection string of a service and its sidecar. The service sets its own limits as well
// (package database). The sidecar has only these: Dapr's Postgres component bounds no statement itself. A session ends when its client
// is frozen inside a transaction or its machine has vanished, and only a server that accepts writes is used. Times are milliseconds,
// those of tcp_keepalives seconds.
const DatabaseLimits = "statement_timeout=5000&lock_timeout=2000&idle_in_transaction_session_timeout=8000" +
	"&tcp_user_timeout=11000&tcp_keepalives_idle=5&tcp_keepalives_interval=2&tcp_keepalives_count=3&target_session_attrs=read-write"
