// Package rules keeps the rules of the house as tests: what may import what, how large a file may be, that every topic
// has its component, its subscription and its dead letters. A rule that is only written down is soon forgotten.
package rules
