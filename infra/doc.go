// Package infra provides Postgres and Kafka on one machine, for `make run` and for the tests. COMANDA_BACKING chooses where they
// come from:
//
//	embedded    this machine's Postgres, or one that is downloaded once; franz-go's broker
//	apache      the same Postgres; Apache Kafka, whose jars Maven downloads
//	containers  both through testcontainers-go, on a machine with Docker
//	external    both run already: KAFKA_BROKERS and *_DATABASE_URL name them
//
// Each server that it starts is a process or a container of its own. It listens on the loopback only, and can be killed and
// restarted on the same port and data. A process keeps its data under Options.Dir, and on Linux does not outlive its parent. A
// container's data is removed with it.
package infra
