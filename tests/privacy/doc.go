// Package privacy tests where personal data and secrets are, and where they are not: it runs the whole system, uses it in every way
// that carries personal data, and searches all logs, all records of all topics and all tables.
package privacy
