// Package growth fills the databases of a running system with months of business: orders, customers and dishes, with their reservations,
// sessions and entries of the audit trail.
//
// The real services write one aggregate of each kind, through the API. The package reads all rows of such an aggregate and multiplies
// them in SQL, with other ids, times, customers and dishes. So the rows stay true when the schema changes: a new table or member is
// multiplied like the others. What only a service can compute (the search entries of dishes), it computes itself at its start.
//
// BenchmarkGrowth in tests/load measures a system that is filled in this way.
package growth
