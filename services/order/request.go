package main

import "errors"

// errOtherRequest means that an idempotency key was used before for another request.
var errOtherRequest = errors.New("the key belongs to another request")

// Request identifies a request for a change, so that its repetition is recognised: by its caller and idempotency key, and by
// its body.
type Request struct {
	Key         string `json:"key"`
	Fingerprint string `json:"fingerprint"`
}

// Caller is the authenticated user behind a request.
type Caller struct {
	ID    string
	Staff bool
	Trace string // the id of the request's trace
}

// Repeats reports whether request has changed the order before. It returns errOtherRequest if the caller used the same key for
// a request with another body.
func (o *Order) Repeats(request Request) (bool, error) {
	for _, change := range o.History {
		if before := change.Cause.Request; before != nil && before.Key == request.Key {
			if before.Fingerprint != request.Fingerprint {
				return false, errOtherRequest
			}
			return true, nil
		}
	}
	return false, nil
}
