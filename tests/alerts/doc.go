// Package alerts runs the alert tests in deploy/prometheus/tests. They have the format of `promtool test rules`, of which the
// package supports only promql_expr_test. It uses Prometheus's own engine and is a separate module, so that the services do not
// depend on Prometheus. Promtool itself would take ten times as much code to build.
package alerts
