package main

import (
	"net/http"

	"comanda/services/internal/fault"
	"comanda/services/internal/rest"
	"comanda/services/internal/token"
)

// maxMenuIDs is the maximum number of products that order can ask about in one request.
const maxMenuIDs = 100

// showProduct returns one product. If it is not active, only staff and admins learn that it exists.
func (s service) showProduct(w http.ResponseWriter, r *http.Request) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	p, err := s.store.Product(r.Context(), id)
	if err == nil && !p.Active && !seesEverything(r) {
		err = errNoProduct(id)
	}
	if err != nil {
		return err
	}
	return writeProduct(w, r, http.StatusOK, visibleProduct(r, p))
}

// createProduct creates a product and returns 201. A repeated request returns 200 and the product's current state.
func (s service) createProduct(w http.ResponseWriter, r *http.Request) error {
	var draft Draft
	if err := rest.Decode(w, r, &draft); err != nil {
		return err
	}
	key, err := rest.IdempotencyKey(r)
	if err != nil {
		return err
	}
	actor := token.From(r.Context()).Subject
	p, err := draft.Product(rest.IDFromKey("product", actor, key), s.currency, s.store.now())
	if err != nil {
		return err
	}
	p, created, err := s.store.AddProduct(r.Context(), p, rest.Fingerprint(draft), actor)
	if err != nil {
		return err
	}
	status := http.StatusOK // a repeated request
	if created {
		status = http.StatusCreated
	}
	w.Header().Set("Location", publicPath(p.ID))
	return writeProduct(w, r, status, p)
}

// moveStock adds pieces to the available stock or removes them.
func (s service) moveStock(w http.ResponseWriter, r *http.Request) error {
	id, err := productID(r)
	if err != nil {
		return err
	}
	var body struct {
		Delta int `json:"delta"`
	}
	if err := rest.Decode(w, r, &body); err != nil {
		return err
	}
	if err := checkDelta(body.Delta); err != nil {
		return err
	}
	key, err := rest.IdempotencyKey(r)
	if err != nil {
		return err
	}
	actor := token.From(r.Context()).Subject
	move := movement{rest.IDFromKey("stock", actor, key), id, actor, body.Delta}
	p, err := s.store.MoveStock(r.Context(), move, stockGuard(r))
	if err != nil {
		return err
	}
	return writeProduct(w, r, http.StatusOK, p)
}

// listMenuEntries returns the entries of the given products that exist, active or not, to the service order.
func (s service) listMenuEntries(w http.ResponseWriter, r *http.Request) error {
	ids := r.URL.Query()["id"]
	if len(ids) > maxMenuIDs {
		return fault.Malformed("send at most %d ids", maxMenuIDs)
	}
	for i, text := range ids {
		id, err := canonicalID(text)
		if err != nil {
			return fault.Malformed("id must be a UUID")
		}
		ids[i] = id
	}
	found, err := s.store.MenuEntries(r.Context(), ids)
	if err != nil {
		return err
	}
	return rest.JSON(w, http.StatusOK, rest.List[MenuEntry]{Items: append([]MenuEntry{}, found...)})
}

// seesEverything reports whether the caller may see inactive products, and the reserved and sold stock.
func seesEverything(r *http.Request) bool {
	return token.From(r.Context()).Any(token.Staff, token.Admin)
}

// visibleProduct returns the fields of p that the caller may see.
func visibleProduct(r *http.Request, p Product) Product {
	if seesEverything(r) {
		return p
	}
	return p.ForCustomers()
}

// productID returns the product id in the path, or NotFound if it is not a valid id.
func productID(r *http.Request) (string, error) {
	text := rest.Param(r, "id")
	id, err := canonicalID(text)
	if err != nil {
		return "", fault.NotFound("product %.50s does not exist", text)
	}
	return id, nil
}
