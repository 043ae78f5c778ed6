package main

import (
	"hash/fnv"
	"slices"
	"strings"
)

// entryRules is the version of the rules by which fold, sortKey and ngrams make search entries. When it increases, all
// entries are made again at the start of the service. Update it also when golang.org/x/text brings new Unicode tables.
const entryRules = 1

// maxGram is the length of the longest n-grams. They select few dishes for a longer word, and a shorter word is an n-gram.
const maxGram = 3

// entry is what the menu's list needs of a product: its place and its searched text.
type entry struct {
	position
	Category string // folded
	Text     string // folded name and description
	Grams    []int32
}

func entryOf(p Product) entry {
	category, text := fold(p.Category), fold(p.Name)+"\n"+fold(p.Description)
	grams := []int32{categoryGram(category)}
	for word := range strings.FieldsSeq(text) {
		for n := 1; n <= maxGram; n++ {
			grams = append(grams, ngrams(word, n)...)
		}
	}
	slices.Sort(grams)
	return entry{positionOf(p), category, text, slices.Compact(grams)}
}

// ngrams returns the hashes of all sequences of n characters in word. Two sequences may have the same hash: the index then
// finds some products too many, which a comparison of the text removes.
func ngrams(word string, n int) []int32 {
	var grams []int32
	runes := []rune(word)
	for i := 0; i+n <= len(runes); i++ {
		grams = append(grams, hash(string(runes[i:i+n])))
	}
	return grams
}

// categoryGram returns the n-gram that stands for a whole category. No word contains a NUL.
func categoryGram(category string) int32 { return hash("\x00" + category) }

func hash(text string) int32 {
	h := fnv.New32a()
	_, _ = h.Write([]byte(text))
	return int32(h.Sum32())
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
func (l listing) Grams() []int32 {
	var grams []int32
	if l.Category != "" {
		grams = append(grams, categoryGram(l.Category))
	}
	for _, word := range l.Words {
		grams = append(grams, ngrams(word, min(len([]rune(word)), maxGram))...)
	}
	slices.Sort(grams)
	return slices.Compact(grams)
}

// wildcards escapes the characters that LIKE treats as a pattern.
var wildcards = strings.NewReplacer(`\`, `\\`, `%`, `\%`, `_`, `\_`)

// Patterns returns the patterns of LIKE that the text of every match has.
func (l listing) Patterns() []string {
	patterns := make([]string, 0, len(l.Words))
	for _, word := range l.Words {
		patterns = append(patterns, "%"+wildcards.Replace(word)+"%")
	}
	return patterns
}
