package rest

import (
	"encoding/json"
	"net/http"

	"comanda/services/internal/fault"
)

// mergePatch is the media type of a JSON Merge Patch (RFC 7396). Every PATCH of the API is one, even if the client calls it plain JSON:
// absent members stay unchanged, and null removes a member.
const mergePatch = "application/merge-patch+json"

// acceptedPatches is the value of the header Accept-Patch (RFC 5789, 3.1).
const acceptedPatches = mergePatch + ", application/json"

// isJSON reports whether a body of the media type kind can be the body of r.
func isJSON(r *http.Request, kind string) bool {
	return kind == "application/json" || kind == mergePatch && r.Method == http.MethodPatch
}

// Members are the members of a body that is an object.
type Members map[string]json.RawMessage

// Has reports whether the body has the member, also if it is null.
func (m Members) Has(name string) bool { return m[name] != nil }

// IsNull reports whether the body has the member and it is null.
func (m Members) IsNull(name string) bool { return string(m[name]) == "null" }

// DecodePatch is Decode for a PATCH. It also returns the body's members, because v cannot tell null from absent.
func DecodePatch(w http.ResponseWriter, r *http.Request, v any) (Members, error) {
	body, err := Body(w, r)
	if err != nil {
		return nil, err
	}
	if err := decode(body, v); err != nil {
		return nil, err
	}
	var members Members
	if err := json.Unmarshal(body, &members); err != nil { // cannot happen: the body is an object
		return nil, fault.Malformed("the body is not valid JSON")
	}
	return members, nil
}
