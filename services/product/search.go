package main

import (
	"hash/fnv"
	"slices"
	"strings"
)

// entryRules is the version of the rules by which search entries and their sections are made. When it increases, all
// entries are made again at the start of the service. Increase it also when golang.org/x/text brings new Unicode tables.
const entryRules = 2

// maxGram is the length of the longest n-grams. Three characters select few dishes, and a shorter word is an n-gram itself.
const maxGram = 3

// entry is the part of a product that the menu's list needs: its position and its searched text.
type entry struct {
	position
	Category string // folded
	Text     string // folded name and description
	Grams    []int16
}

func entryOf(p Product) entry {
	e := entry{position: positionOf(p), Category: fold(p.Category), Text: fold(p.Name + "\n" + p.Description)}
	e.Grams = []int16{categoryGram(e.Category)}
	for word := range strings.FieldsSeq(e.Text) {
		for length := 1; length <= maxGram; length++ {
			e.Grams = appendGrams(e.Grams, word, length)
		}
	}
	e.Grams = distinct(e.Grams)
	return e
}

// distinct sorts grams and returns them without repetitions.
func distinct(grams []int16) []int16 {
	slices.Sort(grams)
	return slices.Compact(grams)
}

// appendGrams appends the hashes of all sequences of length characters in word. Two sequences may have the same hash: the
// index then finds some products too many, which a comparison of the text removes. Short hashes keep the rows short.
func appendGrams(grams []int16, word string, length int) []int16 {
	runes := []rune(word)
	for i := 0; i+length <= len(runes); i++ {
		grams = append(grams, gramHash(string(runes[i:i+length])))
	}
	return grams
}

// categoryGram returns the n-gram that stands for a whole category. No word contains a space.
func categoryGram(category string) int16 { return gramHash(" " + category) }

func gramHash(text string) int16 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text))
	sum := h.Sum32()
	return int16(sum>>16 ^ sum)
}

// listing selects the products of a list. It is part of the list's cursors.
type listing struct {
	Words    []string // folded; a product matches if its name or description contains each of them
	Category string   // folded; empty for all
	Active   *bool    // nil for both
	Rules    int      // entryRules
}

// newListing returns the listing of products that match query, and belong to category if it is not empty.
func newListing(query, category string, active *bool) listing {
	return listing{Words: strings.Fields(fold(query)), Category: fold(category), Active: active, Rules: entryRules}
}

// Grams returns the n-grams that every match has.
func (l listing) Grams() []int16 {
	var grams []int16
	if l.Category != "" {
		grams = append(grams, categoryGram(l.Category))
	}
	for _, word := range l.Words {
		grams = appendGrams(grams, word, min(len([]rune(word)), maxGram))
	}
	return distinct(grams)
}
