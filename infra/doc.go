// Package infra provides Postgres and Kafka for one machine, to `make run`
// and to the tests alike. COMANDA_BACKING chooses where they come from:
//
//	embedded    Postgres of this machine, or fetched once; franz-go's broker
//	apache      the same Postgres; Apache Kafka itself, its jars fetched by Maven
//	containers  both by testcontainers-go, on a machine with Docker
//	external    both are there already: KAFKA_BROKERS and *_DATABASE_URL
//
// Everything it starts listens on the loopback only, keeps its data under
// Options.Dir, is a process (or a container) of its own that can be killed and
// started again on the same port and data, and does not outlive its parent.
package infra
