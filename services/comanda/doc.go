// Command comanda is the operator's command: it does the work around the services when the system runs in containers. It is
// one static program, so that it runs in any image, even in one without a shell.
//
//	comanda secrets          generate the missing secrets, store all, give each part its own
//	comanda secrets show     print the secrets that a person needs to log in
//	comanda event-keys       print keys with which services sign their events, and the public keys
//	comanda topics           wait for Kafka, declare every topic, and delete the dead letters that services have stored
//	comanda kafka-rights     give each service's user of Kafka exactly what it needs
//	comanda dead-letters     list, show, replay and discard the events that services could not handle
//	comanda reconcile        report what does not add up between the databases; -repair mends what is safe
//	comanda with ... -- CMD  run CMD with settings from a file, and with its own address on a network
//	comanda healthcheck URL  exit with 0 if the URL responds with success: http://..., or tcp://host:port
//	comanda kafka-exporter   serve consumer groups and topics as Prometheus metrics
//
// It owns the secrets. It publishes and consumes no events.
package main
