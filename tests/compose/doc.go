// Package compose proves what docker-compose.yml promises, on a real Docker engine: `make test-compose`. It brings the
// whole system up under a project name of its own, plays the demo, checks isolation, traces, logs, metrics, dashboards and
// alerts, makes every fault that an alert is for, kills every part, scales the system, takes it down and up again, and
// removes everything it made. The build tag compose keeps it out of `make test`.
//
// Settings, all optional, from the environment or as variables of make:
//
//   - WITHOUT: services that are not started, such as "grafana loki promtail kafka-ui dapr-dashboard". Without Loki or its
//     collector the checks of logs read the engine's own log files. The last lines of the run name each check that the
//     run could not make.
//   - PUBLISH_HOST: the address at which ports are published; on Linux 127.0.0.2, so that it can run beside another system.
//   - KEEP=yes: leave the system up at the end, and begin with the one that is up: for work on these tests.
//   - LOGS: the folder for the logs of a run that failed.
package compose
