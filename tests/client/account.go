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
	AccountPending  = "PENDING"
	AccountActive   = "ACTIVE"
	AccountRejected = "REJECTED"
)

// Person is who registers.
type Person struct {
	Email    string   `json:"email"`
	Password string   `json:"password"`
	Name     string   `json:"name"`
	Phone    string   `json:"phone,omitempty"`
	Address  *Address `json:"address,omitempty"`
}

// Address is where somebody lives, or where an order goes.
type Address struct {
	Street     string `json:"street"`
	City       string `json:"city"`
	PostalCode string `json:"postalCode"`
	Country    string `json:"country"` // ISO 3166-1 alpha-2
}

// Registration is how far a registration has come.
type Registration struct {
	UserID string `json:"userId"`
	Status string `json:"status"`
	Reason string `json:"reason"`
}

// Register asks for an account. The answer comes before it is decided.
func (c *Client) Register(ctx context.Context, p Person) (Registration, error) {
	return call[Registration](ctx, c, Request{Method: http.MethodPost, Path: "/auth/register", Body: p})
}

// Registration says how far it has come; with patience it waits that long (at most 30 s) for the decision.
func (c *Client) Registration(ctx context.Context, userID string, patience time.Duration) (Registration, error) {
	return call[Registration](ctx, c, Request{Method: http.MethodGet, Path: "/auth/registrations/" + url.PathEscape(userID), Header: wait(patience)})
}

// Session proves who calls.
type Session struct {
	AccessToken  string `json:"accessToken"`
	TokenType    string `json:"tokenType"`
	ExpiresIn    int    `json:"expiresIn"` // seconds
	RefreshToken string `json:"refreshToken"`
}

// Login returns the same client as the person with these credentials.
func (c *Client) Login(ctx context.Context, email, password string) (*Client, error) {
	session, err := call[Session](ctx, c, Request{Method: http.MethodPost, Path: "/auth/login",
		Body: map[string]string{"email": email, "password": password}})
	return c.As(session), err
}

// Refresh exchanges the refresh token for a new session, and spends it.
func (c *Client) Refresh(ctx context.Context, refreshToken string) (Session, error) {
	return call[Session](ctx, c, Request{Method: http.MethodPost, Path: "/auth/refresh", Body: map[string]string{"refreshToken": refreshToken}})
}

// Logout ends the session that the refresh token belongs to.
func (c *Client) Logout(ctx context.Context, refreshToken string) error {
	_, err := call[struct{}](ctx, c, Request{Method: http.MethodPost, Path: "/auth/logout", Body: map[string]string{"refreshToken": refreshToken}})
	return err
}

// Account is what an administrator sees of somebody's credentials.
type Account struct {
	UserID string   `json:"userId"`
	Email  string   `json:"email"`
	Status string   `json:"status"`
	Roles  []string `json:"roles"`
}

// SetRoles gives an account these roles and no others (administrators only).
func (c *Client) SetRoles(ctx context.Context, userID string, roles ...string) (Account, error) {
	return call[Account](ctx, c, Request{Method: http.MethodPut, Path: "/auth/accounts/" + url.PathEscape(userID) + "/roles",
		Body: map[string][]string{"roles": roles}})
}

// Profile is who somebody is.
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

// ProfileChange holds what shall change; nil leaves a member as it is.
type ProfileChange struct {
	Name    *string  `json:"name,omitempty"`
	Phone   *string  `json:"phone,omitempty"`
	Address *Address `json:"address,omitempty"`
}

// Me is one's own profile.
func (c *Client) Me(ctx context.Context) (Profile, error) {
	return call[Profile](ctx, c, Request{Method: http.MethodGet, Path: "/users/me"})
}

// ChangeMe changes one's own profile.
func (c *Client) ChangeMe(ctx context.Context, change ProfileChange) (Profile, error) {
	return call[Profile](ctx, c, Request{Method: http.MethodPatch, Path: "/users/me", Body: change})
}

// Users lists profiles (administrators only).
func (c *Client) Users(ctx context.Context, page Page) (List[Profile], error) {
	return call[List[Profile]](ctx, c, Request{Method: http.MethodGet, Path: "/users" + page.query(nil)})
}

// User is somebody's profile (administrators only).
func (c *Client) User(ctx context.Context, id string) (Profile, error) {
	return call[Profile](ctx, c, Request{Method: http.MethodGet, Path: "/users/" + url.PathEscape(id)})
}
