// Package secret generates missing secrets and stores them in files. The launcher and the operator's command use it; each has
// its own list of Secrets.
//
// A file holds NAME=value lines. Write replaces it atomically and flushes it to the disk before it returns. Otherwise a database
// could be initialised with a password that is then lost, and nothing could open it again.
package secret
