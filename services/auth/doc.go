// Command auth registers accounts, checks passwords, and issues and renews tokens.
//
//	owns       accounts (documents account-<id>: e-mail, password hash, roles, status), and tables: sessions with their
//	           refresh tokens (hashed) and their pace, and the wrong passwords of the last minutes (counted)
//	offers     POST /auth/register, GET /auth/registrations/{userId}, POST /auth/login, /auth/refresh, /auth/logout;
//	           to admins PUT /auth/accounts/{userId}/roles
//	publishes  creating.user: user has to create a profile; creating.user.cancelled: the profile must not exist
//	consumes   creating.user.response (from user)
//
// An account is PENDING until user answers. Then it is ACTIVE, or it is REJECTED and its e-mail is free again. The personal
// data for the profile is stored here only while the account is PENDING. The recovery publishes creating.user again for
// accounts that stay PENDING, and rejects them after a deadline.
package main
