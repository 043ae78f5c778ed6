package main

import (
	"bytes"
	"slices"
	"strings"
	"testing"

	"github.com/google/uuid"
	"golang.org/x/text/unicode/norm"

	"comanda/services/internal/rest"
)

func TestSortKeysPutLettersBeforeAccentsBeforeCase(t *testing.T) {
	want := []string{"", "-x", "7 up", "70", "Aeble", "Af", "arbol", "Arbol", "árbol", "Árbol", "Árbol x", "Arbola", "Coca Cola", "Coca-Cola",
		"cote", "Cote", "coté", "côte", "Côte", "côté", "CÔTÉ", "Nata", "Ñoquis", "Nuez", "Pan", "Pan Frito", "Panna", "Pizza 2", "Pizza 9",
		"Pizza 10", "Pizza 010 b", "Strasse", "Straße", "Strasz", "Ωμέγα", "Борщ", "らーめん", "ラーメン", "日本", "麺"}
	got := slices.Clone(want)
	slices.Reverse(got)
	slices.SortFunc(got, func(a, b string) int { return bytes.Compare(sortKey(a, 500), sortKey(b, 500)) })
	if !slices.Equal(got, want) {
		t.Errorf("got  %q\nwant %q", got, want)
	}
	for _, name := range want {
		if !bytes.Equal(sortKey(norm.NFD.String(name), 500), sortKey(name, 500)) {
			t.Errorf("%q has another key in NFD", name)
		}
	}
}

func TestSortKeysOfPlainTextAreShort(t *testing.T) {
	plain := strings.Repeat("a", maxName)
	if key := sortKey(plain, 5*maxName); len(key) > 2*maxName+4 {
		t.Errorf("got %d bytes for %d letters without accents, want two for each", len(key), maxName)
	}
}

func TestSectionsFollowEachOther(t *testing.T) {
	keys := [][]byte{{}, {0}, {0, 0, 1}, {0, 1}, {5}, {5, 0}, {5, 0, 7}, {5, 1}, {5, 255, 255}, {6}, {6, 0, 0, 1}, {254, 255, 255}}
	var before []byte // the end of the previous section
	for i, key := range keys {
		from, until := position{NameKey: key}.section()
		if bytes.Compare(from, key) > 0 || bytes.Compare(key, until) >= 0 {
			t.Errorf("%x: not in its section from %x until %x", key, from, until)
		}
		if i > 0 && !bytes.Equal(until, before) && bytes.Compare(from, before) < 0 {
			t.Errorf("%x: the section from %x begins in the previous one, until %x", key, from, before)
		}
		before = until
	}
}

func TestPositionsFitIntoCursors(t *testing.T) {
	for _, letter := range []string{"a", "Á", "麺", "𠀀", "ﷺ", "9", "🍜"} {
		p := positionOf(Product{ID: uuid.NewString(), Category: strings.Repeat(letter, maxCategory), Name: strings.Repeat(letter, maxName)})
		raw, err := p.MarshalBinary()
		if err != nil || len(raw) > rest.MaxPosition {
			t.Errorf("%s: got %d bytes, %v, want at most %d", letter, len(raw), err, rest.MaxPosition)
		}
		var got position
		if err := got.UnmarshalBinary(raw); err != nil || got.ID != p.ID || !bytes.Equal(got.CategoryKey, p.CategoryKey) ||
			!bytes.Equal(got.NameKey, p.NameKey) {
			t.Errorf("%s: got %v, %v, want %v", letter, got, err, p)
		}
		for _, short := range [][]byte{nil, raw[:16], raw[:17+len(p.CategoryKey)-1]} {
			if got.UnmarshalBinary(short) == nil {
				t.Errorf("%s: %d bytes are accepted", letter, len(short))
			}
		}
	}
}

// FuzzSortKey checks that package collate takes any text: it is old, and its numeric option parses digits.
func FuzzSortKey(f *testing.F) {
	for _, text := range []string{"Ñoquis 10", "٣٤ 007", "\u0f71\u0f73", "각 𠀀", "1\u0301 ", "\u0300\u0301"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		key := sortKey(text, maxNameKey)
		if len(key) > maxNameKey || !bytes.Equal(key, sortKey(text, maxNameKey)) {
			t.Errorf("%q: got key %x", text, key)
		}
		if from, until := (position{NameKey: key}).section(); bytes.Compare(from, key) > 0 || bytes.Compare(key, until) >= 0 {
			t.Errorf("%q: the key %x is not in its section from %x until %x", text, key, from, until)
		}
	})
}
