package main

import (
	"context"
	"errors"
	"time"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/fault"
)

// component is the state store component for documents without events. The components that publish an event derive their
// names from it.
const component = "reservations"

// Announcement is the document reservation-<orderId>: the outcome, and how many times it was published.
type Announcement struct {
	OrderID     string    `json:"orderId"`
	State       State     `json:"state"` // of the reservation when it was first announced; later states are not recorded here
	Outcome     Outcome   `json:"outcome"`
	DecidedAt   time.Time `json:"decidedAt"`
	AnnouncedAt time.Time `json:"announcedAt"`
	Times       int       `json:"times"`
}

// announcer stores outcomes as documents. Each write publishes the outcome's event.
type announcer struct {
	documents document.Store[Announcement]
	now       func() time.Time
}

func newAnnouncer(client document.Client, now func() time.Time) announcer {
	return announcer{document.NewStore[Announcement](client, component, "reservation"), now}
}

// Announce publishes the answer to the order of r (Reservation.Message). repeated says that an earlier event of this order has recorded the
// outcome, and may have published it. Announce then looks for the document first, because with unmodified daprd a failed write blocks a
// partition of the outbox for good.
func (a announcer) Announce(ctx context.Context, r Reservation, repeated bool) error {
	message := r.Message()
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
		return nil // the write that created it published the event: this call's, or that of another handler of the same event
	}
	return err
}
