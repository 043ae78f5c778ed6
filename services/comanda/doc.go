// Comanda is the operator's command: what the system needs around its services wherever it runs in containers. One static
// program, so that it runs in any image, also in those that have no shell.
//
//	comanda secrets          make the secrets nobody gave, keep them, hand each part its own
//	comanda secrets show     what a person needs to log in
//	comanda topics           wait for Kafka and declare every topic
//	comanda with ... -- CMD  run CMD with settings from a file, and with its own address on a network
//	comanda healthcheck URL  exit code 0 if the URL answers well: http://..., or tcp://host:port
//	comanda kafka-exporter   consumer groups and topics as Prometheus metrics
//
// It owns the secrets; it publishes and hears nothing.
package main
