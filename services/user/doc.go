// Command user stores the profiles of registered people: name, phone and address. No other service stores them.
//
//	owns       profiles (documents profile-<id>; the id is the account's)
//	offers     GET and PATCH /users/me, GET /users/me/export (with the parts of auth and order); to admins GET /users and GET /users/{id};
//	           to auth GET /registrations/{userId}/steps, its part of a timeline
//	publishes  creating.user.response: the profile was created, or rejected with a reason;
//	           deleting.user.response: the profile is erased
//	consumes   creating.user, creating.user.cancelled, deleting.user (from auth)
//
// A phone number belongs to at most one active profile. A rejected, cancelled or erased profile stays as a tombstone without
// personal data. A late or repeated request then gets the recorded outcome again, or none after a cancellation or an erasure.
package main
