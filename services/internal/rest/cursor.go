package rest

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding"
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"errors"
	"slices"
	"time"

	"github.com/google/uuid"

	"comanda/services/internal/fault"
	"comanda/services/internal/token"
)

// MaxCursor is the maximum length of a cursor in characters, so that it fits into an address.
const MaxCursor = 500

// MaxPosition is the maximum length in bytes of a position that a cursor can hold.
const MaxPosition = MaxCursor*3/4 - sealLength

// sealLength is the length of a cursor's seal in bytes. 128 bits cannot be guessed.
const sealLength = 16

// Cursors makes and reads cursors. A cursor is an item's position in its list, so it stays valid when items are added, changed or
// removed. It is sealed with a key, so that a client cannot make one. The seal covers the list and its filter, so that a cursor continues
// only its own list.
type Cursors struct{ keys [][]byte }

// NewCursors derives one key from each of the service's keys. Cursors are sealed with the current key and accepted under every key. So
// all replicas accept each other's cursors, also after a restart.
func NewCursors(keys token.Keys) Cursors { return Cursors{keys.Derive("comanda/rest cursors")} }

// seal returns the authentication code of a position in the list at path with filter.
func seal(key []byte, path string, filter any, position []byte) []byte {
	bound, err := json.Marshal([]any{path, filter})
	if err != nil { // cannot happen: filters are plain structs
		panic(err)
	}
	mac := hmac.New(sha256.New, key)
	_ = binary.Write(mac, binary.BigEndian, uint64(len(bound))) // so that no other pair of list and position gives the same input
	mac.Write(bound)
	mac.Write(position)
	return mac.Sum(nil)[:sealLength]
}

// encode returns the cursor of position.
func (c Cursors) encode(path string, filter any, position encoding.BinaryMarshaler) string {
	raw, err := position.MarshalBinary()
	if err == nil && len(raw) > MaxPosition {
		err = errors.New("the position is too long for a cursor")
	}
	if err != nil { // a mistake in the caller
		panic(err)
	}
	if len(c.keys) == 0 { // every client could compute the seal
		panic("rest: Cursors without a key: call NewCursors")
	}
	return base64.RawURLEncoding.EncodeToString(append(raw, seal(c.keys[0], path, filter, raw)...))
}

// decode reads cursor into position. It returns Malformed unless encode made the cursor for the same list and filter.
func (c Cursors) decode(cursor, path string, filter any, position encoding.BinaryUnmarshaler) error {
	wrong := fault.Malformed("cursor must be the nextCursor of an earlier answer of the same list, with the same filters: " +
		"without a cursor the list starts at its first page")
	if len(cursor) > MaxCursor {
		return wrong
	}
	raw, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	// DecodeString ignores line breaks; encoding again finds them.
	if err != nil || len(raw) < sealLength || base64.RawURLEncoding.EncodeToString(raw) != cursor {
		return wrong
	}
	raw, sealed := raw[:len(raw)-sealLength], raw[len(raw)-sealLength:]
	genuine := slices.ContainsFunc(c.keys, func(key []byte) bool { return hmac.Equal(sealed, seal(key, path, filter, raw)) })
	if !genuine || position.UnmarshalBinary(raw) != nil {
		return wrong
	}
	return nil
}

// TimePosition is the place of an item in a list that is sorted by time and id.
type TimePosition struct {
	At time.Time // in the precision of Postgres, microseconds
	ID string    // a UUID
}

// timePositionLength is the length of an encoded TimePosition in bytes: microseconds and a UUID.
const timePositionLength = 8 + 16

// MarshalBinary implements encoding.BinaryMarshaler.
func (p TimePosition) MarshalBinary() ([]byte, error) {
	id, err := uuid.Parse(p.ID)
	if err != nil {
		return nil, err
	}
	return append(binary.BigEndian.AppendUint64(nil, uint64(p.At.UnixMicro())), id[:]...), nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (p *TimePosition) UnmarshalBinary(raw []byte) error {
	if len(raw) != timePositionLength {
		return errors.New("the position has the wrong length")
	}
	p.At = time.UnixMicro(int64(binary.BigEndian.Uint64(raw))).UTC()
	p.ID = uuid.UUID(raw[8:]).String()
	return nil
}
