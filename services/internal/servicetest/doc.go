// Package servicetest supports the tests of a service:
//
//   - NewDatabase and EmptyDatabase return a database of the test's own on a real Postgres. One server runs per test program,
//     and COMANDA_BACKING chooses where it comes from (package infra).
//   - Sidecar is a fake of the sidecar's state API. It writes documents into that Postgres and keeps published events for the
//     test. The fake proves nothing about Dapr: the tests in tests/ run against the real sidecar.
//   - NewInvoker replaces the sidecar through which a service asks other services, and Standings is a service that answers questions about
//     its aggregates.
//   - API sends requests as a Person to the service's handler, and Deliver delivers signed events to it as the sidecar does.
//     Decode decodes a Response.
//   - Clock is a clock that a test advances.
//   - ScrapeMetrics and WantMetrics read metrics as Prometheus does.
//   - RecordPlans records the statements of a pool, and Plans.Want explains each and checks what it reads. Vacuum does what autovacuum does.
//   - EndedSpans counts the spans that have ended.
//
// A package that uses a database has
//
//	func TestMain(m *testing.M) { os.Exit(servicetest.Run(m)) }
package servicetest
