// Package rules tests the project's own rules. Examples: which package may import which, how long a file may be, that every
// topic has a component, a subscription and a dead-letter topic. A rule without a test is soon broken.
package rules
