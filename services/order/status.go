package main

import "comanda/services/event"

// statuses returns every status.
func statuses() []event.Status {
	return []event.Status{
		event.StatusPending, event.StatusConfirmed, event.StatusRejected, event.StatusPreparing, event.StatusReady,
		event.StatusOutForDelivery, event.StatusDelivered, event.StatusCancelled,
	}
}

// previousStatus returns the status that next follows, or false if next is not a kitchen or delivery status.
func previousStatus(next event.Status) (event.Status, bool) {
	switch next {
	case event.StatusPreparing:
		return event.StatusConfirmed, true
	case event.StatusReady:
		return event.StatusPreparing, true
	case event.StatusOutForDelivery:
		return event.StatusReady, true
	case event.StatusDelivered:
		return event.StatusOutForDelivery, true
	}
	return "", false
}

// cancellableStatuses returns the statuses from which staff, or the customer, may cancel an order.
func cancellableStatuses(staff bool) []event.Status {
	if staff {
		return []event.Status{event.StatusPending, event.StatusConfirmed, event.StatusPreparing, event.StatusReady}
	}
	return []event.Status{event.StatusPending, event.StatusConfirmed}
}
