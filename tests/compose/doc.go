// Package compose proves what docker-compose.yml promises, on a real Docker engine: `make test-compose`. It brings the
// whole system up under a project name of its own, plays the demo, looks at it from every side (isolation, traces, logs,
// metrics, dashboards, alerts), breaks it in every way it knows, scales it, takes it down and up again, and in the end
// removes everything it made. The build tag compose keeps it out of `make test`.
//
// Settings, all optional, from the environment or as variables of make:
//
//   - WITHOUT: services that cannot be had on this machine, such as "grafana kafka-ui"; the run says so in its last lines.
//   - PUBLISH_HOST: the address at which ports are published; on Linux 127.0.0.2, so that a system that runs already is in
//     nobody's way.
//   - KEEP=yes: leave the system up at the end, and begin with the one that is found: for work on these tests.
//   - LOGS: the folder for the logs of a run that failed.
package compose
