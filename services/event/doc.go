// Package event is the contract between the services: every topic that exists, the payload that travels on it and who
// announces and hears it. It is open to the whole module and imports nothing of it.
//
// Events are CloudEvents 1.0 (https://github.com/cloudevents/spec) with JSON data. Their type is the topic's name with
// a version, their subject the id of the aggregate they speak of. They arrive at least once and in no order, so every
// payload carries the aggregate's version and every handler must be right under duplicates, reordering and delay.
package event
