// Package town peoples a running Comanda for tests: customers who register and log in, a kitchen, dishes of a test's own,
// orders that are placed without end, live streams that are watched, and the books in which all of it has to agree. It
// knows the system by its public address and its databases alone, so that the same people walk through one on this
// machine and one in containers.
package scenario
