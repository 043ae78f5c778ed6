// Package process starts, observes and ends the programs that the launcher and the tests run: Postgres, a broker, sidecars,
// services.
//
// On Linux a child does not outlive its parent, because the kernel signals it. Elsewhere the next start finds it by its recorded
// Identity and ends it. The kernel reuses process ids, so a process is ended only if its start time matches too.
package process
