// Package trust tests what our sidecar lets a compromised service do: what it can call, as whom, and which topics it can use. It runs
// real sidecars with the project's component and configuration, beside apps of the test. tests/journey tests the same from outside,
// on the whole system.
package trust
