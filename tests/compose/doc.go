// Package compose tests docker-compose.yml on a real Docker engine: `make test-compose`. It starts the whole system under its
// own project name, runs the demo, and checks isolation, traces, logs, metrics, dashboards and alerts. It causes a fault for
// every alert, kills every container, takes the system down and up again with more replicas, and removes everything that it
// created. The build tag compose keeps it out of `make test`.
//
// Its optional settings are environment variables or variables of make:
//
//   - WITHOUT: services that the run leaves out, such as "grafana loki promtail kafka-ui dapr-dashboard". Without Loki or
//     Promtail the checks of logs read the engine's own log files. The summary at the end of the run names each skipped check.
//   - PUBLISH_HOST: the address at which ports are published. On Linux it is 127.0.0.2 by default, so that the test can run
//     beside another system.
//   - KEEP=yes: use the system that is already running, and leave it running at the end. This is for work on these tests.
//   - LOGS: the folder for the logs of a failed run.
package compose
