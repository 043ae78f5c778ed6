// Package groups proves that consumer groups always come back: its test kills
// consumers while they join a group, and the broker while a group rebalances.
// The consumers are Sarama's, set up as Dapr sets them up. COMANDA_BACKING
// chooses the broker.
package groups
