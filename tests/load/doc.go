// Package load measures a whole system under more orders than it can decide. It has only a benchmark, which prints ratios: the
// numbers themselves depend on the machine.
package load
