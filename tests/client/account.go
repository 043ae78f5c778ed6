package client

import (
	"context"
	"net/http"
	"net/url"
	"time"
)

// The roles an account may have.
const (
	RoleCustomer = "customer"
	RoleStaff    = "staff"
	RoleAdmin    = "admin"
)

// The states of an account.
const (
	AccountPending   = "PENDING"
	AccountActive    = "ACTIVE"
	AccountSuspended = "SUSPENDED"
	AccountRejected  = "REJECTED"
)

// Person is the body of a registration.
type Person struct {
	Email    string   `json:"email"`
	Password string   `json:"password"`
	Name     string   `json:"name"`
	Phone    string   `json:"phone,omitempty"`
	Address  *Address `json:"address,omitempty"`
}

// Address is a person's home or an order's destination.
type Address struct {
	Street     string `json:"street"`
	City       string `json:"city"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"` // ISO 3166-1 alpha-2
}

// Registration is the state of a registration.
type Registration struct {
	UserID string `json:"userId"`
	Status string `json:"status"`
	Reason string `json:"reason"`
}

// Register requests an account. The response arrives before the registration is decided.
func (c *Client) Register(ctx context.Context, p Person) (Registration, error) {
	return call[Registration](ctx, c, Request{Method: http.MethodPost, Path: "/auth/register", Body: p})
}

// Registration returns a registration's state. A positive patience waits that long (at most 30 s) for the decision.
func (c *Client) Registration(ctx context.Context, userID string, patience time.Duration) (Registration, error) {
	return call[Registration](ctx, c, Request{Method: http.MethodGet, Path: "/auth/registrations/" + url.PathEscape(userID),
		Header: wait(patience)})
}

// Session holds the tokens of a login.
type Session struct {
	AccessToken  string `json:"accessToken"`
	TokenType    string `json:"tokenType"`
	ExpiresIn    int    `json:"expiresIn"` // seconds
	RefreshToken string `json:"refreshToken"`
}

// Login returns a client that acts as the person with these credentials. It logs in again before its access token expires; Session
// remains the session of the first login.
func (c *Client) Login(ctx context.Context, email, password string) (*Client, error) {
	session, err := call[Session](ctx, c, Request{Method: http.MethodPost, Path: "/auth/login",
		Body: map[string]string{"email": email, "password": password}})
	client := c.As(session)
	if err == nil {
		client.login = &login{email: email, password: password, session: session, at: time.Now()}
	}
	return client, err
}

// Refresh exchanges the refresh token for a new session. The token cannot be used again.
func (c *Client) Refresh(ctx context.Context, refreshToken string) (Session, error) {
	return call[Session](ctx, c, Request{Method: http.MethodPost, Path: "/auth/refresh",
		Body: map[string]string{"refreshToken": refreshToken}})
}

// Logout ends the session of this refresh token.
func (c *Client) Logout(ctx context.Context, refreshToken string) error {
	_, err := call[struct{}](ctx, c, Request{Method: http.MethodPost, Path: "/auth/logout",
		Body: map[string]string{"refreshToken": refreshToken}})
	return err
}

// ChangePassword replaces the caller's password. Its other sessions end.
func (c *Client) ChangePassword(ctx context.Context, current, next string) error {
	_, err := call[struct{}](ctx, c, Request{Method: http.MethodPost, Path: "/auth/password",
		Body: map[string]string{"currentPassword": current, "newPassword": next}})
	return err
}

// LogOutEverywhere ends all sessions of the caller.
func (c *Client) LogOutEverywhere(ctx context.Context) error {
	_, err := call[struct{}](ctx, c, Request{Method: http.MethodPost, Path: "/auth/logout-everywhere"})
	return err
}

// Account is an administrator's view of an account.
type Account struct {
	UserID  string   `json:"userId"`
	Email   string   `json:"email"`
	Status  string   `json:"status"`
	Reason  string   `json:"reason"`
	Roles   []string `json:"roles"`
	Version int      `json:"version"`
}

// Account returns an account (administrators only).
func (c *Client) Account(ctx context.Context, userID string) (Account, error) {
	return call[Account](ctx, c, Request{Method: http.MethodGet, Path: "/auth/accounts/" + url.PathEscape(userID)})
}

// SearchAccounts returns the account with an e-mail, or nothing (administrators only).
func (c *Client) SearchAccounts(ctx context.Context, email string) (List[Account], error) {
	return call[List[Account]](ctx, c, Request{Method: http.MethodPost, Path: "/auth/accounts/search", Body: map[string]string{"email": email}})
}

// SetAccountStatus suspends or reinstates an account (administrators only).
func (c *Client) SetAccountStatus(ctx context.Context, userID, status, reason string) (Account, error) {
	body := map[string]string{"status": status}
	if reason != "" {
		body["reason"] = reason
	}
	return call[Account](ctx, c, Request{Method: http.MethodPut, Path: "/auth/accounts/" + url.PathEscape(userID) + "/status", Body: body})
}

// SetRoles replaces an account's roles (administrators only).
func (c *Client) SetRoles(ctx context.Context, userID string, roles ...string) (Account, error) {
	return call[Account](ctx, c, Request{Method: http.MethodPut, Path: "/auth/accounts/" + url.PathEscape(userID) + "/roles",
		Body: map[string][]string{"roles": roles}})
}

// Profile is a user's personal data.
type Profile struct {
	ID        string    `json:"id"`
	Email     string    `json:"email"`
	Name      string    `json:"name"`
	Phone     string    `json:"phone"`
	Address   *Address  `json:"address"`
	Version   int       `json:"version"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// VerifyPhone records that staff have reached the person of a profile at this number (staff and administrators only).
func (c *Client) VerifyPhone(ctx context.Context, id, number string) error {
	_, err := call[struct{}](ctx, c, Request{Method: http.MethodPut, Path: "/users/" + url.PathEscape(id) + "/phone-verification",
		Body: map[string]string{"phone": number}})
	return err
}

// EndPhoneVerification ends the verification of a profile's number (staff and administrators only).
func (c *Client) EndPhoneVerification(ctx context.Context, id string) error {
	_, err := call[struct{}](ctx, c, Request{Method: http.MethodDelete, Path: "/users/" + url.PathEscape(id) + "/phone-verification"})
	return err
}

// ProfileChange is a partial update of a profile; a nil member stays unchanged.
type ProfileChange struct {
	Name    *string  `json:"name,omitempty"`
	Phone   *string  `json:"phone,omitempty"`
	Address *Address `json:"address,omitempty"`
}

// Me returns the caller's profile.
func (c *Client) Me(ctx context.Context) (Profile, error) {
	return call[Profile](ctx, c, Request{Method: http.MethodGet, Path: "/users/me"})
}

// ChangeMe changes the caller's profile.
func (c *Client) ChangeMe(ctx context.Context, change ProfileChange) (Profile, error) {
	return call[Profile](ctx, c, Request{Method: http.MethodPatch, Path: "/users/me", Body: change})
}

// Users lists profiles (administrators only).
func (c *Client) Users(ctx context.Context, page Page) (List[Profile], error) {
	return call[List[Profile]](ctx, c, Request{Method: http.MethodGet, Path: "/users" + page.query(nil)})
}

// User returns a user's profile (administrators only).
func (c *Client) User(ctx context.Context, id string) (Profile, error) {
	return call[Profile](ctx, c, Request{Method: http.MethodGet, Path: "/users/" + url.PathEscape(id)})
}
