// Package attack attacks the whole system through its open ports: real services and sidecars, a real Postgres and a broker.
//
// All attacks share one system with its default limits. Attackers come from loopback addresses of their own (127.0.0.2 and on),
// while the customers of the tests come from 127.0.0.1, so the limits for one address tell them apart. During an attack, bystander
// checks that health checks and another customer are answered, and reports how long that took.
package attack
