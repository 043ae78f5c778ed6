package main

import "errors"

// errOtherRequest means that an idempotency key was used before for another request.
var errOtherRequest = errors.New("the key belongs to another request")

// RequestIdentity identifies a request for a change, so that its repetition is recognised.
type RequestIdentity struct {
	Key         string `json:"key"`         // derived from the caller's id and the idempotency key
	Fingerprint string `json:"fingerprint"` // of the body; empty after the erasure of the order's customer
}

// Caller is the authenticated user behind a request.
type Caller struct {
	ID      string
	Staff   bool
	TraceID string // of the request
}

// Repeats reports whether the request with this identity has changed the order before. It returns errOtherRequest if the caller
// used the same key for a request with another body. Without a stored fingerprint the key alone decides.
func (o *Order) Repeats(identity RequestIdentity) (bool, error) {
	for _, change := range o.History {
		if before := change.Cause.Request; before != nil && before.Key == identity.Key {
			if before.Fingerprint != "" && before.Fingerprint != identity.Fingerprint {
				return false, errOtherRequest
			}
			return true, nil
		}
	}
	return false, nil
}
