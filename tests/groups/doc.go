// Package groups tests that consumer groups always recover. It kills consumers while they join a group, and the broker while a
// group rebalances. The consumers are Sarama's, configured as Dapr configures them. COMANDA_BACKING chooses the broker.
package groups
