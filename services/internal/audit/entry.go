// Package audit keeps the audit trail of a service: who did what, to which account, product or dead letter, when, from where, and what it
// was before and after (decision 0016). Each service has the table audit in its own database (package database creates it). The
// database refuses to change an entry, and to delete one within a year.
//
// A change of tables records its entry in the same transaction (Record). A document carries the entry of its last act, and a
// trigger of the database copies it to the trail in the transaction that writes the document. So no act commits without its entry.
// An entry never holds a password, a token, or a hash of one.
package audit

import (
	"context"
	"encoding/json"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"

	"comanda/services/internal/rest"
	"comanda/services/internal/telemetry"
	"comanda/services/internal/token"
)

// Action is the kind of act that an entry records. The set is closed: docs/openapi.yaml lists it.
type Action string

// The actions.
const (
	AdminRegistered    Action = "account.admin_registered" // the first admin, from the settings
	RolesChanged       Action = "account.roles_changed"
	AccountSuspended   Action = "account.suspended"
	AccountReinstated  Action = "account.reinstated"
	PasswordChanged    Action = "account.password_changed"
	SessionsEnded      Action = "account.sessions_ended" // log out everywhere
	RefreshReused      Action = "account.refresh_reused" // a spent refresh token was used again, which ended its session
	AccountErased      Action = "account.erased"         // its owner has asked for the erasure, which has only begun
	PhoneVerified      Action = "profile.phone_verified"
	VerificationEnded  Action = "profile.phone_verification_ended" // by staff, or because the owner changed the number
	ProductCreated     Action = "product.created"
	ProductChanged     Action = "product.changed"
	StockChanged       Action = "product.stock_changed"
	DeadLetterReplayed Action = "dead_letter.replayed" // an admin asked for it, or (without an actor) the service has handled it

	DeadLetterRead      Action = "dead_letter.read" // its payload, which may be personal
	DeadLetterDiscarded Action = "dead_letter.discarded"
)

// Actions returns all actions.
func Actions() []Action {
	return []Action{AdminRegistered, RolesChanged, AccountSuspended, AccountReinstated, PasswordChanged, SessionsEnded, RefreshReused, AccountErased,
		PhoneVerified, VerificationEnded, ProductCreated, ProductChanged, StockChanged, DeadLetterReplayed, DeadLetterRead, DeadLetterDiscarded}
}

// Entry is one act, in the form in which the API shows it and documents carry it.
type Entry struct {
	ID      string          `json:"id"`
	At      time.Time       `json:"at,omitzero"` // set by the database
	Service string          `json:"service,omitempty"`
	Actor   string          `json:"actor,omitempty"`   // the account that acted; empty for the system or an unknown actor
	Address string          `json:"address,omitempty"` // the network of the client
	Action  Action          `json:"action"`
	Subject string          `json:"subject"` // the id of the account, product or dead letter
	Before  json.RawMessage `json:"before,omitempty"`
	After   json.RawMessage `json:"after,omitempty"`
	TraceID string          `json:"traceId,omitempty"`
}

// New returns the entry of an act of the caller in ctx. before and after are structs or maps, or nil.
func New(ctx context.Context, action Action, subject string, before, after any) Entry {
	return Entry{ID: uuid.NewString(), Actor: token.From(ctx).Subject, Address: rest.Client(ctx), Action: action, Subject: subject,
		Before: encode(before), After: encode(after), TraceID: telemetry.TraceID(ctx)}
}

func encode(v any) json.RawMessage {
	if v == nil {
		return nil
	}
	raw, err := json.Marshal(v)
	if err != nil { // cannot happen: plain structs and maps
		panic(err)
	}
	return raw
}

// Record inserts entries in the transaction of their changes, in one round trip.
func Record(ctx context.Context, tx pgx.Tx, entries ...Entry) error {
	var batch pgx.Batch
	for _, e := range entries {
		batch.Queue(`insert into audit (id, actor, address, action, subject, before, after, trace)
			values ($1, nullif($2, '')::uuid, $3, $4, $5, $6, $7, $8)`,
			e.ID, e.Actor, e.Address, e.Action, e.Subject, e.Before, e.After, e.TraceID)
	}
	return tx.SendBatch(ctx, &batch).Close()
}
