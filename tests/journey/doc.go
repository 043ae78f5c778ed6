// Package journey walks through the whole system as its clients do: through the gateway, on real sidecars, a real
// Postgres and a broker. Each test is a story of the public API, or a promise of the system: no order is lost, nothing
// is sold twice, nothing happens twice, nobody sees what is not theirs.
//
// The peaceful journeys share one system and run beside each other, each with customers and dishes of its own; those that
// break something have a system to themselves.
package journey
