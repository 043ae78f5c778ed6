// Package scenario creates customers, staff, dishes and orders in a running system for tests. It also generates a load of
// orders, watches live streams, and checks the system's invariants. It uses only the public address, the databases and the
// broker, so the same scenario runs against processes on this machine and against containers.
package scenario
