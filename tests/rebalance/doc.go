// Package rebalance tests that consumers always come back: what becomes of the events of a consumer group while replicas
// join, stand still, end, or lose their app, and that a sidecar waits for a database and a broker that are not there yet.
// Real sidecars, with the project's pub/sub component and resiliency policy, stand beside an app of the test's own.
package rebalance
