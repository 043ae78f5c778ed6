// Package services lists the services of Comanda, for programs that start, build or observe all of them. A service's name is
// its folder beside this file and its Dapr app-id.
package services

// Names lists the services in the order of the documentation. The gateway is last, because it is ready only when the others
// are.
var Names = []string{"auth", "user", "order", "product", "gateway"}

// Stateful lists the services with a database: all but the gateway.
var Stateful = Names[:4:4]

// DatabaseLimits are the options of every connection string of a service and its sidecar. The service also sets its own limits (package
// database), and so does our daprd. Unmodified daprd has only these, because Dapr's Postgres component limits no statement. The options end a session whose client is
// frozen inside a transaction or whose machine has vanished, and connect only to a server that accepts writes. Times are in milliseconds,
// except the seconds of tcp_keepalives.
const DatabaseLimits = "statement_timeout=5000&lock_timeout=2000&idle_in_transaction_session_timeout=8000" +
	"&tcp_user_timeout=11000&tcp_keepalives_idle=5&tcp_keepalives_interval=2&tcp_keepalives_count=3&target_session_attrs=read-write"
