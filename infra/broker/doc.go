// Command broker is the embedded Kafka broker for one machine: franz-go's
// kfake, patched: no consumer group gets stuck, and a request syncs each file only
// once (_kfake/, docs/decisions/0012-the-embedded-broker.md). It stores its data in
// a folder, and acknowledges records and offsets only once they are on disk.
//
//	broker -port 9092 -data DIR
//
// It stops on SIGTERM and when its standard input closes, which its parent
// process holds open. infra/build builds it, and infra.StartKafka runs it.
package main
