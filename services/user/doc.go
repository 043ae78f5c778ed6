// Command user stores the profiles of registered people: name, phone and address. No other service stores them.
//
//	owns       profiles (documents profile-<id>; the id is the account's)
//	offers     GET and PATCH /users/me, GET /users/me/export (with the parts of auth and order); to admins GET /users and GET /users/{id};
//	           to staff and admins PUT and DELETE /users/{id}/phone-verification; to admins its dead letters (package deadletter), and
//	           GET /audit/user; to auth GET /registrations/{userId}/steps, user's part of a timeline
//	publishes  creating.user.response: the profile was created, or rejected with a reason;
//	           deleting.user.response: the profile is erased
//	consumes   creating.user, creating.user.cancelled, deleting.user (from auth)
//
// A verified phone number belongs to at most one active profile; a number that is not verified blocks no one (decision 0018). A
// rejected, cancelled or erased profile stays as a tombstone without personal data. A late or repeated request then gets the
// recorded outcome again, or none after a cancellation or an erasure. If the cancellation or the erasure was lost, reconciliation.go
// notices by asking auth. Tombstones are deleted after RECORD_RETENTION, except those of erased people.
package main
