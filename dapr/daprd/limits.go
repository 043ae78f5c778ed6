package main

import (
	"net/url"
	"strings"
	"time"

	kitmetadata "github.com/dapr/kit/metadata"
)

// databaseSettings are the settings of every connection to Postgres whose connection string does not set its own.
//
// The limits end long statements and waits for a lock. They free the locks of a sidecar that is frozen inside a transaction, and let
// Postgres notice a machine that has vanished. Dapr's component itself limits only Begin and Commit. Values are milliseconds or seconds,
// as Postgres expects.
//
// A plan that is made while the table is nearly empty reads the whole table, and the connection keeps it as the table grows. Without
// statistics, Postgres also reads the whole index of the expiries to find several documents. Both last until autovacuum analyzes the table.
// The sidecar's frequent statements find few rows, each by one index, so the other scans and joins are off. A statement that has no index has
// a plan so expensive then that Postgres would compile it, which takes longer than the statement, so jit is off too.
var databaseSettings = map[string]string{
	"statement_timeout": "5000", "lock_timeout": "2000", "idle_in_transaction_session_timeout": "8000",
	"tcp_user_timeout": "11000", "tcp_keepalives_idle": "5", "tcp_keepalives_interval": "2", "tcp_keepalives_count": "3",
	"enable_seqscan": "off", "enable_bitmapscan": "off", "enable_hashjoin": "off", "enable_mergejoin": "off", "jit": "off",
}

// withDatabaseSettings adds the settings that a connection string does not have. The string is a URL, or keywords and values.
func withDatabaseSettings(connection string) string {
	if strings.HasPrefix(connection, "postgres://") || strings.HasPrefix(connection, "postgresql://") {
		address, err := url.Parse(connection)
		if err != nil {
			return connection // the component reports it
		}
		settings := address.Query()
		for name, value := range databaseSettings {
			if !settings.Has(name) {
				settings.Set(name, value)
			}
		}
		address.RawQuery = settings.Encode()
		return address.String()
	}
	for name, value := range databaseSettings {
		if !strings.Contains(" "+connection, " "+name+"=") {
			connection += " " + name + "=" + value
		}
	}
	return strings.TrimSpace(connection)
}

// brokerLimits are the time-outs of the component that publishes, instead of Dapr's 30 s: while a broker does not answer, a publish
// fails early. Consumers keep Dapr's time-outs, because a broker answers a member that joins its group only when all have joined.
var brokerLimits = map[string]string{"dialTimeout": brokerLimit, "readTimeout": brokerLimit, "writeTimeout": brokerLimit}

var brokerLimit = (5 * time.Second).String()

// setBrokerLimits adds the limits that the properties do not set.
func setBrokerLimits(properties map[string]string) {
	for name, value := range brokerLimits {
		if _, ok := kitmetadata.GetMetadataProperty(properties, name); !ok {
			properties[name] = value
		}
	}
}
