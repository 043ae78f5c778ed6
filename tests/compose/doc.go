// Package compose tests docker-compose.yml on a real Docker engine: `make test-compose`. It starts the whole system under
// its own project name, runs the demo, checks isolation, traces, logs, metrics, dashboards and alerts, causes a fault for
// every alert, kills every container, scales the system, takes it down and up again, and removes everything that it created.
// The build tag compose keeps it out of `make test`.
//
// Its optional settings are environment variables or variables of make:
//
//   - WITHOUT: services that are not started, such as "grafana loki promtail kafka-ui dapr-dashboard". Without Loki or its
//     collector the checks of logs read the engine's own log files. The last lines of the run name each check that it
//     skipped.
//   - PUBLISH_HOST: the address at which ports are published; on Linux 127.0.0.2, so that it can run beside another system.
//   - KEEP=yes: leave the system running at the end, and use the one that is already running. This is for work on these tests.
//   - LOGS: the folder for the logs of a failed run.
package compose
