// Command user stores the profiles of registered people: name, phone and address. No other service stores them.
//
//	owns       profiles (documents profile-<id>; the id is the account's)
//	offers     GET and PATCH /users/me; to admins GET /users and GET /users/{id}
//	publishes  creating.user.response: the profile was created, or rejected with a reason
//	consumes   creating.user, creating.user.cancelled (from auth)
//
// A phone number belongs to at most one active profile. A rejected or cancelled profile stays as a tombstone without personal
// data. A late or repeated request then gets the recorded outcome again, or none after a cancellation.
package main
