// Package process is how every service starts, serves and stops: settings from the environment, JSON logs, the health
// routes, the app token at the door, start-up work that is tried until it succeeds, and an orderly end.
package process
