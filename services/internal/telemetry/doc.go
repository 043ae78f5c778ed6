// Package telemetry provides a service's spans, metrics and log lines.
//
// Spans follow a request through the system by the W3C trace context (https://www.w3.org/TR/trace-context/). Each request
// and each event has a span, and its trace continues into calls, events and log lines. The sidecars add their own spans in
// between. SetupTracing sends spans to Zipkin if it is configured. Without Zipkin no trace is sampled, and log lines still have
// their trace ids.
//
// Metrics are served at /metrics for Prometheus (https://prometheus.io/docs/instrumenting/), from a registry per service:
// the Go runtime, the process, the database connections, backlogs, and the duration of requests and events. The services add
// their own. Labels have few values, all known beforehand, such as route templates and topic names; never ids, paths or
// values that a client chooses.
//
// Log lines get the ids of their trace and span (TraceLogHandler). At the edge each request has a log line, unless it was rejected early.
//
// Observer records every request and every event at the entrance of a service (package server). The code further inside
// adds the values that only it knows through the context: SetRoute, SetEvent, SetOrder, SetAgreedWait.
package telemetry
