package main

import (
	"context"
	"errors"
	"time"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
)

// plain is the component of documents that announce nothing; the announcing ones are named after it.
const component = "reservations"

// Announcement is the document reservation-<orderId>: the outcome, and how often the order was answered with it.
type Announcement struct {
	OrderID     string    `json:"orderId"`
	State       State     `json:"state"` // RESERVED or FAILED: the outcome's, not what became of it later
	Outcome     Outcome   `json:"outcome"`
	DecidedAt   time.Time `json:"decidedAt"`
	AnnouncedAt time.Time `json:"announcedAt"`
	Times       int       `json:"times"`
}

// announcer writes outcomes as documents, which announces them.
type announcer struct {
	documents document.Store[Announcement]
	now       func() time.Time
}

func newAnnouncer(client document.Client, now func() time.Time) announcer {
	return announcer{document.NewStore[Announcement](client, component, "reservation"), now}
}

// Announce tells the order how its reservation was decided. Repeated says that this may have been done before: then the
// document is looked for first, because on a stock runtime a write that fails is dear.
func (a announcer) Announce(ctx context.Context, r Reservation, repeated bool) error {
	message := r.Outcome.Message(r.OrderID)
	if repeated {
		_, err := a.documents.Change(ctx, r.OrderID, func(d *Announcement) (event.Message, error) {
			d.AnnouncedAt = a.now().UTC()
			d.Times++
			return message, nil
		})
		if !fault.Is(err, fault.KindNotFound) {
			return err
		}
	}
	err := a.documents.Create(ctx, r.OrderID, Announcement{
		OrderID: r.OrderID, State: r.State, Outcome: r.Outcome, DecidedAt: r.DecidedAt, AnnouncedAt: a.now().UTC(), Times: 1,
	}, message)
	if errors.Is(err, document.ErrExists) {
		return nil // whoever wrote it announced it with the same write: this very call, or the same event handled elsewhere
	}
	return err
}
