// Package journey tests the whole system through its public API, with real sidecars, a real Postgres and a broker. Each
// test covers a use case of the API or a guarantee of the system: no order is lost, no stock is sold twice, no request takes
// effect twice, and users see only their own data.
//
// Journeys that break nothing share one system and run in parallel, each with its own customers and dishes. Journeys that
// break something start their own system.
package journey
