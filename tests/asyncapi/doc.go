// Package asyncapi checks events against docs/asyncapi.yaml and docs/schemas, the contract of the events. A Document checks one record. A
// Reader follows a broker and checks every record on it. Breaks compares two versions of the contract and lists the changes that would
// break a consumer of the older version.
package asyncapi
