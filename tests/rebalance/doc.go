// Package rebalance tests that a consumer group delivers its events while replicas join, stand still, stop, or lose their
// app, and that an event of a group affects only itself. It also tests that a sidecar waits for a database and a broker that are
// not running yet. It runs real sidecars, with the project's pub/sub component and resiliency policy, beside an app of the test.
package rebalance
