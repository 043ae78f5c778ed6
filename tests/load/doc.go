// Package load measures a whole system: what an order costs, against a pinned commit of this repository in the same run
// (BenchmarkOrders), and how it bears more orders than it can decide (BenchmarkTwiceTheCapacity). It has only benchmarks, which print
// ratios: the numbers themselves depend on the machine.
package load
