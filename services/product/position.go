package main

import (
	"bytes"
	"errors"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// The maximum lengths of sort keys in bytes. A letter takes two bytes, an ideograph three, so names are sorted by at least
// their first 70 characters, and by accents and case if they are shorter than 55. A position has to fit into a cursor.
const (
	maxCategoryKey = 110
	maxNameKey     = 220
)

// collators holds root collators (CLDR), which sort Árbol beside Arbol and Pizza 9 before Pizza 10, the same in every locale. A
// collator serves one caller at a time. A change of the keys needs a new entryRules.
var collators = sync.Pool{New: func() any { return collate.New(language.Und, collate.Numeric) }}

// sortKey returns up to maxLength bytes whose order is the order of texts.
func sortKey(text string, maxLength int) []byte {
	collator := collators.Get().(*collate.Collator)
	defer collators.Put(collator)
	// Key compares some rare marks differently in other forms than NFC.
	key := collator.KeyFromString(new(collate.Buffer), norm.NFC.String(text))
	return bytes.Clone(key[:min(len(key), maxLength)])
}

// position is a product's place in the order of the menu: by category, then by name. Categories that differ only in case or
// accents are one.
type position struct {
	CategoryKey, NameKey []byte
	ID                   string
}

func positionOf(p Product) position {
	return position{sortKey(fold(p.Category), maxCategoryKey), sortKey(p.Name, maxNameKey), p.ID}
}

// MarshalBinary implements encoding.BinaryMarshaler, for cursors.
func (p position) MarshalBinary() ([]byte, error) {
	id, err := uuid.Parse(p.ID)
	if err != nil {
		return nil, err
	}
	raw := append(id[:], byte(len(p.CategoryKey)))
	return append(append(raw, p.CategoryKey...), p.NameKey...), nil
}

// UnmarshalBinary implements encoding.BinaryUnmarshaler.
func (p *position) UnmarshalBinary(raw []byte) error {
	const fixed = 16 + 1
	if len(raw) < fixed || len(raw) < fixed+int(raw[fixed-1]) {
		return errors.New("the position is too short")
	}
	end := fixed + int(raw[fixed-1])
	*p = position{bytes.Clone(raw[fixed:end]), bytes.Clone(raw[end:]), uuid.UUID(raw[:16]).String()}
	return nil
}
