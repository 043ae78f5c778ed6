// Command user keeps the profiles of those who registered: name, phone, address. It is the only service that keeps them.
//
//	owns       profiles (documents profile-<id>, the id being the account's)
//	offers     GET and PATCH /users/me; to admins GET /users and GET /users/{id}
//	publishes  creating.user.response: the profile was created, or rejected with a reason
//	hears      creating.user, creating.user.cancelled (auth)
//
// A phone number belongs to one living profile. What was rejected or cancelled stays as a tombstone without personal data, so
// that a request that arrives late or twice gets the answer it had, or none.
package main
