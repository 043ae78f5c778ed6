// Package process starts, watches and ends the programs that dapr/local and
// the tests run beside themselves: Postgres, a broker, sidecars, services.
//
// It promises three things. A child does not outlive its parent where the
// system can see to that (Linux), and is otherwise found and ended by the next
// start, because its Identity was recorded. Nothing is ever ended by its
// process id alone: the id is reused, so the start time must agree as well.
// And when a child dies, whoever waits on Done hears of it at once.
package process
