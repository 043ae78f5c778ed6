// Command auth knows who may come in: it registers accounts, checks passwords, and gives out and renews tokens.
//
//	owns       accounts (documents account-<id>: e-mail, password hash, roles, status) and refresh tokens (hashed, a table)
//	offers     POST /auth/register, GET /auth/registrations/{userId}, POST /auth/login, /auth/refresh, /auth/logout;
//	           to admins PUT /auth/accounts/{userId}/roles
//	publishes  creating.user: a profile is wanted; creating.user.cancelled: it is not wanted any more
//	hears      creating.user.response (user)
//
// An account is PENDING until user has made its profile; then it is ACTIVE, or REJECTED and its e-mail is free again. What
// the profile needs is kept here only as long as that takes. What stays PENDING is announced again, and in the end given up.
package main
