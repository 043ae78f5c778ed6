// Command broker is the embedded Kafka broker of one machine: franz-go's kfake,
// patched so that a consumer group never gets stuck (_kfake/,
// docs/decisions/0012-the-embedded-broker.md). Its data is in a folder, and
// every write is synced before it is acknowledged.
//
//	broker -port 9092 -data DIR
//
// It ends on SIGTERM and when its standard input closes: its parent holds the
// other end. infra/build builds it, and infra.StartKafka runs it.
package main
