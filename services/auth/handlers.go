package main

import (
	"context"
	"net/http"
	"time"

	"comanda/services/internal/await"
	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
	"comanda/services/internal/validate"
)

// registrationState is the progress of a registration, as clients see it.
type registrationState struct {
	UserID string `json:"userId"`
	Status Status `json:"status"`
	Reason string `json:"reason,omitempty"`
}

// registerAccount creates a PENDING account and returns 202. A repeated request returns the account that the first one created.
func (s service) registerAccount(w http.ResponseWriter, r *http.Request) error {
	key, err := rest.IdempotencyKey(r)
	if err != nil {
		return err
	}
	var registration Registration
	if err := rest.Decode(w, r, &registration); err != nil {
		return err
	}
	client := r.Header.Get(rest.ClientHeader)
	if registration, err = s.passwords.check(r.Context(), client, registration); err != nil {
		return err
	}
	account, err := s.createAccount(r.Context(), client, registration, key, token.Customer)
	if err != nil {
		return err
	}
	w.Header().Set("Location", "/api/v1/auth/registrations/"+account.ID)
	return writeRegistration(w, r, http.StatusAccepted, account)
}

// showRegistration returns the progress of a registration. With Prefer: wait=N (RFC 7240) it waits up to N seconds until it is decided.
func (s service) showRegistration(w http.ResponseWriter, r *http.Request) error {
	id := rest.Param(r, "userId")
	if !validate.IsUUID(id) {
		return noAccount()
	}
	wait := await.Wait(r)
	account, err := await.Until(r.Context(), s.changes, id, wait, func(ctx context.Context) (Account, bool, error) {
		account, err := s.documents.Get(ctx, id)
		return account, account.Status != Pending, err
	})
	if fault.Is(err, fault.KindNotFound) || err == nil && account.Erasure != nil {
		return noAccount()
	}
	if err != nil {
		return err
	}
	await.Applied(w, wait)
	return writeRegistration(w, r, http.StatusOK, account)
}

// writeRegistration writes the progress of a registration. Content-Location names the registration's own
// path, which differs from that of POST /auth/register.
func writeRegistration(w http.ResponseWriter, r *http.Request, status int, account Account) error {
	w.Header().Set("Content-Location", "/api/v1/auth/registrations/"+account.ID)
	return rest.Resource(w, r, status, account.validators(), registrationState{account.ID, account.registered(), account.Reason})
}

// registered returns the outcome of the registration. Only admins and the owner learn that the account was suspended later.
func (a Account) registered() Status {
	if a.Status == Suspended {
		return Active
	}
	return a.Status
}

// validators identify the account's version.
func (a Account) validators() rest.Validators {
	return rest.Validators{Tag: rest.VersionTag(a.Version), Modified: a.UpdatedAt}
}

func noAccount() error { return fault.NotFound("there is no such account") }

// tokens is the response to a login and to a refresh.
type tokens struct {
	AccessToken  string `json:"accessToken"`
	TokenType    string `json:"tokenType"`
	ExpiresIn    int    `json:"expiresIn"` // seconds
	RefreshToken string `json:"refreshToken"`
}

// writeTokens writes the tokens of a session. login is the time at which the person has just given the password; zero at a refresh.
func (s service) writeTokens(w http.ResponseWriter, account Account, refresh refreshToken, login time.Time) error {
	claims := token.Claims{Roles: account.Roles, Session: refresh.family.String(), Epoch: account.Epoch}.LoggedInAt(login)
	access, err := s.keys.Current.SignClaims(account.ID, claims, s.now())
	if err != nil {
		return err
	}
	return rest.JSON(w, http.StatusOK, tokens{access, "Bearer", int(token.TTL / time.Second), refresh.String()})
}

// login starts a session for the account of an e-mail and a password.
func (s service) login(w http.ResponseWriter, r *http.Request) error {
	var credentials struct {
		Email    string `json:"email"`
		Password string `json:"password"`
	}
	if err := rest.Decode(w, r, &credentials); err != nil {
		return err
	}
	if err := requireMembers("email", credentials.Email, "password", credentials.Password); err != nil {
		return err
	}
	account, err := s.authenticate(r.Context(), credentials.Email, credentials.Password, r.Header.Get(rest.ClientHeader))
	s.metrics.RecordLogin(err)
	if err != nil {
		return err
	}
	refresh, err := s.sessions.startSession(r.Context(), account, s.now())
	if err != nil {
		return err
	}
	return s.writeTokens(w, account, refresh, s.now())
}

// authenticate finds the account of email and password. It returns Unauthenticated if either is wrong, after the same time whether or not
// the e-mail is registered. It returns Forbidden if the password is right but the account is not ACTIVE, Limited after too many wrong
// passwords for that e-mail, from that address or for all accounts together, and Unavailable while too many requests wait for a check.
func (s service) authenticate(ctx context.Context, email, password, address string) (Account, error) {
	normal, isEmail := loginEmail(email)
	if isEmail {
		email = normal
	}
	attempt, err := s.throttle.admit(ctx, email, address, s.now())
	if err != nil {
		return Account{}, err
	}
	defer attempt.end()
	var account Account
	if isEmail {
		account, err = s.accountByEmail(ctx, email)
	}
	if err != nil && !fault.Is(err, fault.KindNotFound) {
		return account, err
	}
	right, err := s.passwords.matches(ctx, address, account.PasswordHash, password)
	if err == nil {
		err = attempt.record(ctx, right, s.now())
	}
	if err != nil {
		return account, err
	}
	switch {
	case !right:
		return account, fault.Unauthenticated("the e-mail or the password is wrong")
	case account.Status == Pending:
		return account, fault.Forbidden("the registration is not finished yet: try again in a moment")
	case account.Status == Deleting:
		return account, fault.Forbidden("the account is being erased: register again when that is done")
	case account.Status == Suspended:
		return account, fault.Forbidden("the account is suspended: ask an administrator")
	case account.Status != Active:
		return account, fault.Forbidden("the registration was rejected (%s): register again", account.Reason)
	}
	s.upgradeHash(ctx, address, account, password)
	return account, nil
}

// refreshSession exchanges a refresh token for new tokens of its session.
func (s service) refreshSession(w http.ResponseWriter, r *http.Request) error {
	key, err := rest.IdempotencyKey(r)
	if err != nil {
		return err
	}
	presented, ok, err := decodeRefreshToken(w, r)
	if err != nil {
		return err
	}
	if !ok {
		return fault.Unauthenticated("the refresh token is not one of ours")
	}
	next, account, err := s.sessions.exchangeToken(r.Context(), presented, key, s.now())
	if err != nil {
		return err
	}
	return s.writeTokens(w, account, next, time.Time{})
}

// logout ends the session of a refresh token.
func (s service) logout(w http.ResponseWriter, r *http.Request) error {
	presented, ok, err := decodeRefreshToken(w, r)
	if err != nil {
		return err
	}
	if ok {
		if err := s.sessions.endSession(r.Context(), presented); err != nil {
			return err
		}
	}
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(http.StatusNoContent) // also for an unknown token: its session has ended already
	return nil
}

// decodeRefreshToken decodes the body. ok is false for a text that is not a well-formed token.
func decodeRefreshToken(w http.ResponseWriter, r *http.Request) (t refreshToken, ok bool, err error) {
	var body struct {
		RefreshToken string `json:"refreshToken"`
	}
	if err = rest.Decode(w, r, &body); err == nil {
		err = requireMembers("refreshToken", body.RefreshToken)
	}
	if err == nil {
		t, ok = parseRefreshToken(body.RefreshToken)
	}
	return t, ok, err
}

// requireMembers takes pairs of name and value, and returns Invalid with the names of the empty values.
func requireMembers(pairs ...string) error {
	var wrong []fault.Field
	for i := 0; i < len(pairs); i += 2 {
		if pairs[i+1] == "" {
			wrong = append(wrong, fault.Field{Field: pairs[i], Message: "must be given"})
		}
	}
	if len(wrong) > 0 {
		return fault.Invalid(wrong...)
	}
	return nil
}
