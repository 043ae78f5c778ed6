// Package signature signs events and verifies their signatures, so that no service can publish the events of another.
//
// Every publisher has an Ed25519 key of its own (RFC 8032). Only the publisher has the private key; every consumer has the public
// keys of all. A key that all services share would not tell the publishers apart.
//
// The signature covers the event's type, its subject and its data, in the canonical form of RFC 8785. A sidecar decodes and
// encodes the data on its way, so white space and the order of members change. The signature does not cover the id, which the
// sidecar chooses, nor the time. So it does not prevent that a genuine event is sent again; every consumer is correct under
// duplicates anyway.
package signature
