// Package alerts runs the tests of the alerts: deploy/prometheus/tests, in the format of `promtool test rules`, of which
// it knows promql_expr_test. It asks Prometheus' own engine, in a module of its own, so that Prometheus is no dependency of
// the services; promtool itself would be ten times as much to build.
package alerts
