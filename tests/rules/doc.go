// Package rules tests the project's own rules: which package may import which, how long a file may be, that every topic has
// its component, its subscription and its dead letters. A rule without a test is soon broken.
package rules
