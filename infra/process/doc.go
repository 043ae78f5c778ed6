// Package process starts, watches and ends the programs that the launcher and the tests run: Postgres, a broker, sidecars,
// services.
//
// A child does not outlive its parent on Linux, where the kernel signals it. Elsewhere the next start finds it by its
// recorded Identity and ends it. No process is ended by its id alone: ids are reused, so the start time must agree as well.
package process
