package main

import (
	"bytes"
	"encoding/binary"
	"errors"
	"sync"

	"github.com/google/uuid"
	"golang.org/x/text/collate"
	"golang.org/x/text/language"
	"golang.org/x/text/unicode/norm"
)

// The maximum lengths of sort keys in bytes: a position has to fit into a cursor. A letter takes two bytes, an ideograph three, a Hangul
// syllable six, an accent up to two for each letter before it. So a long text is compared by its beginning: a category in Hangul by 20
// characters, a name by 36.
const (
	maxCategoryKey = 120
	maxNameKey     = 220
)

// collators holds root collators (CLDR), which sort Árbol beside Arbol and Pizza 9 before Pizza 10, the same in every locale. A
// collator serves one caller at a time. A change of the keys needs a new entryRules.
var collators = sync.Pool{New: func() any { return newCollators() }}

// collatorSet has a collator that compares letters, one that compares accents too, and one that also compares case.
type collatorSet [3]*collate.Collator

func newCollators() *collatorSet {
	return &collatorSet{
		collate.New(language.Und, collate.Numeric, collate.IgnoreDiacritics, collate.IgnoreCase),
		collate.New(language.Und, collate.Numeric, collate.IgnoreCase),
		collate.New(language.Und, collate.Numeric),
	}
}

// sortKey returns up to maxLength bytes whose order is the order of texts. A key of package collate has three levels: the weights of the
// letters, then those of the accents, then those of the cases. Most accents and cases have the lowest weight of their level, so
// trimWeights halves the keys.
func sortKey(text string, maxLength int) []byte {
	set := collators.Get().(*collatorSet)
	defer collators.Put(set)
	text = norm.NFC.String(text) // for some rare marks Key depends on the normalisation form
	var buffers [len(set)]collate.Buffer
	letters, accents, all := set[0].KeyFromString(&buffers[0], text), set[1].KeyFromString(&buffers[1], text), set[2].KeyFromString(&buffers[2], text)
	key := bytes.Clone(letters)
	key = append(key, trimWeights(accents[len(letters):], lowestAccent)...)
	key = append(key, trimWeights(all[len(accents):], lowestCase)...)
	return key[:min(len(key), maxLength)]
}

// The lowest weights of two levels: the weight of a letter without an accent, and the weight of a lower-case letter.
var lowestAccent, lowestCase = []byte{0, 0x20}, []byte{2}

// trimWeights cuts the trailing weights equal to lowest, which do not change the order. weights is one level of a key: accents,
// or case.
func trimWeights(weights, lowest []byte) []byte {
	for bytes.HasSuffix(weights, lowest) {
		weights = weights[:len(weights)-len(lowest)]
	}
	return weights
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

// section returns the range of name keys that begin as p's: with the same letter, whose weight takes two bytes, or with ideographs that are
// close. until is not in it. No weight begins with 0xff.
func (p position) section() (from, until []byte) {
	var letter [2]byte
	copy(letter[:], p.NameKey)
	until = binary.BigEndian.AppendUint16(nil, binary.BigEndian.Uint16(letter[:])+1)
	return bytes.TrimRight(letter[:], "\x00"), bytes.TrimRight(until, "\x00") // a key without the final zeros sorts before one with them
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
