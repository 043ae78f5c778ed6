// Package secret makes the secrets that were not given, and keeps them. The local launcher and the operator's command both
// use it; each has its own list of Secrets.
//
// A kept file holds NAME=value lines, is replaced in one step and is flushed to the disk before Write returns: a database
// that was initialised with a password which is then lost would be locked for good.
package secret
