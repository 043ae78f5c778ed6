// Package chaos breaks a running system at random while customers order, and checks that it keeps its promises: no accepted order
// is lost, doubled, oversold or stuck.
//
// A run is a sequence of faults that follows from its seed: processes are killed or frozen; a proxy (toxiproxy) delays, cuts or swallows
// connections, or swallows only the responses; the broker loses its data; Postgres refuses to write or has a full disk; and a database
// returns to an older copy. The report says how often each kind of fault occurred and how long the system needed to recover from it.
package chaos
