// Package trust tests what a compromised service can do through our sidecar: which services it can call, under whose identity, and which
// topics it can use. It runs real sidecars with the project's components and configuration, beside apps of the test. tests/journey tests
// the same from outside, on the whole system.
package trust
