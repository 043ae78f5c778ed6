// Command auth registers accounts, checks passwords, and issues and renews tokens.
//
//	owns       accounts (documents account-<id>: e-mail, password hash, roles, status), and tables: sessions with their
//	           refresh tokens (hashed) and their pace, the wrong passwords of the last minutes (counted), and the audit
//	           trail of accounts
//	offers     POST /auth/register, GET /auth/registrations/{userId}, POST /auth/login, /auth/refresh, /auth/logout;
//	           POST /auth/password, /auth/logout-everywhere, DELETE /users/me, GET /auth/erasures/{userId};
//	           to admins POST /auth/accounts/search, GET /auth/accounts/{userId}, PUT its /status, GET and PUT its /roles,
//	           GET /auth/registrations/{userId}/timeline (with the part of user), GET /audit/auth, and its dead letters
//	           (package deadletter);
//	           internal: GET /export/account (for user's exports), and GET /reconciliation/accounts (user asks for the status of
//	           accounts with a profile)
//	publishes  creating.user: user has to create a profile; creating.user.cancelled: the profile must not exist;
//	           deleting.user: the services have to erase what they store about a person
//	consumes   creating.user.response (from user), deleting.user.response (from user and order)
//
// An account is PENDING until user answers. Then it is ACTIVE, or it is REJECTED and its e-mail is free again. The personal
// data for the profile is stored here only while the account is PENDING. The recovery publishes creating.user again for
// accounts that stay PENDING, and rejects them after a deadline.
//
// An account that its person erases is DELETING until user and order have answered. Then it is ERASED: a tombstone without
// personal data. The recovery publishes deleting.user again until then, without a deadline.
//
// Every change that invalidates tokens begins an epoch of the account: new roles, a suspension, a new password (which keeps the
// session in use), log out everywhere. Refresh tokens of an earlier epoch are invalid at once. Access tokens live on for a few
// minutes, except where auth reads the account: at its routes for admins and for the owner.
package main
