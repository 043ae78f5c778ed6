package main

import (
	"context"
	"encoding/json"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"comanda/services/internal/fault"
	"comanda/services/internal/invoke"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

const (
	// enoughOrders is the size of the orders in bytes after which a part of an export ends. One more page has at most 1.5 MiB, and a
	// response through the sidecars 4 MiB.
	enoughOrders = 3 << 19
	// exportTimeout is the time limit of an export: less than that of the gateway's call.
	exportTimeout = 9 * time.Second
)

// export is all data held on a person. Auth and order add their parts unchanged.
type export struct {
	ExportedAt time.Time       `json:"exportedAt"`
	Profile    profileResponse `json:"profile"`
	accountExport
	Orders     []json.RawMessage `json:"orders"`
	NextCursor string            `json:"nextCursor,omitempty"` // of the next part, which has further orders
}

// accountExport is auth's part.
type accountExport struct {
	Account  json.RawMessage `json:"account"`
	Sessions json.RawMessage `json:"sessions"`
}

// exportOwnData returns all data held on the caller, complete or not at all. A long history of orders comes in several parts.
func (s service) exportOwnData(w http.ResponseWriter, r *http.Request) error {
	ctx, bearer := r.Context(), r.Header.Get("Authorization")
	profile, err := s.documents.Get(ctx, token.From(ctx).Subject)
	if fault.Is(err, fault.KindNotFound) || err == nil && profile.Status != Active {
		return noProfile()
	}
	if err != nil {
		return err
	}
	all := export{ExportedAt: s.now(), Profile: toResponse(profile)}
	if all.accountExport, err = invoke.Get[accountExport](ctx, s.invoke, "auth", "/export/account", bearer); err != nil {
		return err
	}
	if all.Orders, all.NextCursor, err = s.exportOrders(ctx, bearer, r.URL.Query().Get("cursor")); err != nil {
		return err
	}
	w.Header().Set("Content-Disposition", `attachment; filename="comanda-export.json"`)
	return rest.Unversioned(w, r, all)
}

// exportOrders reads pages of the caller's orders, from cursor on, until there are enough. It returns the cursor of the rest.
func (s service) exportOrders(ctx context.Context, bearer, cursor string) ([]json.RawMessage, string, error) {
	orders, size := []json.RawMessage{}, 0
	for {
		query := url.Values{"limit": {strconv.Itoa(rest.MaxLimit)}}
		if cursor != "" {
			query.Set("cursor", cursor)
		}
		page, err := invoke.Get[rest.List[json.RawMessage]](ctx, s.invoke, "order", "/export/orders?"+query.Encode(), bearer)
		if err != nil {
			return nil, "", err
		}
		for _, order := range page.Items {
			orders, size = append(orders, order), size+len(order)
		}
		if cursor = page.NextCursor; cursor == "" || size >= enoughOrders {
			return orders, cursor, nil
		}
	}
}
