package main

import (
	"fmt"
	"strings"
	"testing"
	"time"
)

// benchmarkDish returns the name, category and description of the dish number i. Names have some frequent words and some that
// only a few dishes have. The dishes of the last category have words that are frequent, but found nowhere else.
func benchmarkDish(i int) (name, category, description string) {
	dishes := strings.Fields("Soup Pizza Risotto Ragú Gnocchi Croûtons Salade Köttbullar Paella Curry Ramen Burger Tarte Knödel Moussaka Piróg")
	with := strings.Fields("truffle basil tomate jamón crème lemon garlic kelp miso olive saffron chili mint honey walnut leek")
	category = fmt.Sprintf("Category %02d", i%50)
	name = fmt.Sprintf("%s %s %d", dishes[i%len(dishes)], with[i/7%len(with)], i)
	description = fmt.Sprintf("Served with %s and %s, made by hand every morning.", with[i/3%len(with)], with[i/5%len(with)])
	switch {
	case i%20_000 == 11:
		name = fmt.Sprintf("Ñoquis Crème Brûlée %d", i)
	case i%50 == 49:
		name = "Zwetschgen " + name
	}
	return name, category, description
}

// lateDish returns the name, category and description of the dish number i: of 100 dishes, 24 have a word that only dishes of the last
// categories have, and 10 a word that only dishes at the end of their category have.
func lateDish(i int) (name, category, description string) {
	name, category, description = benchmarkDish(i)
	switch {
	case i%100 < 24:
		return "Vjestica " + name, fmt.Sprintf("Late %02d", i%12), description
	case i%100 < 34:
		return "Zzquark " + name, "Category 49", description
	}
	return name, category, description
}

// BenchmarkMenu measures the lists and searches of a menu of 100,000 dishes.
func BenchmarkMenu(b *testing.B) {
	s := newStore(b)
	fillMenu(b, s.pool, 100_000, benchmarkDish)
	benchmarkMenu(b, s, []menuBench{
		{"list", "", ""},
		{"list of a category", "", "category 25"},
		{"1 letter, frequent", "o", ""},
		{"1 letter, rare", "ñ", "category 11"},
		{"1 letter, none", "麺", ""},
		{"2 letters, frequent", "so", ""},
		{"2 letters, only in the last category", "zw", ""},
		{"2 letters, none", "qx", ""},
		{"prefix, frequent", "piz", ""},
		{"prefix, rare", "ñoqui", ""},
		{"infix, frequent", "izza", ""},
		{"infix, rare", "oqui", ""},
		{"infix, none", "xyzzy", ""},
		{"infix, one of 100,000", "77777", ""},
		{"word, only in the last category", "zwetschgen", ""},
		{"frequent grams, no match", "morningmade", ""},
		{"two words, frequent", "truffle soup", ""},
		{"two words, rare", "creme brulee", ""},
		{"two words, frequent and rare", "soup 77776", ""},
		{"with a category, frequent", "soup", "category 16"},
		{"with a category, rare", "noquis", "category 11"},
		{"with a category, none", "zwetschgen", "category 11"},
	})
}

// BenchmarkLateWords measures searches for words in 10 and 24 % of 100,000 dishes, all of which sort after most others.
func BenchmarkLateWords(b *testing.B) {
	s := newStore(b)
	fillMenu(b, s.pool, 100_000, lateDish)
	benchmarkMenu(b, s, []menuBench{
		{"24 %, word", "vjestica", ""},
		{"24 %, 2 letters", "vj", ""},
		{"10 %, word", "zzquark", ""},
		{"10 %, 2 letters", "qu", ""},
		{"10 %, with a category", "zzquark", "category 49"},
	})
}

// menuBench is a list or a search to measure.
type menuBench struct{ name, query, category string }

func benchmarkMenu(b *testing.B, s store, benches []menuBench) {
	for _, bench := range benches {
		want := newListing(bench.query, bench.category, ptr(true))
		pages := map[string]*position{"first page": nil}
		page, err := s.Menu(b.Context(), want, nil, 100)
		if err != nil {
			b.Fatal(err)
		}
		if len(page) == 100 { // go on for some pages
			last := positionOf(page[99])
			pages["second page"] = &last
			far := position{sortKey("category 40", maxCategoryKey), sortKey("Ramen", maxNameKey), page[0].ID}
			if bench.category != "" {
				far.CategoryKey = last.CategoryKey
			}
			pages["late page"] = &far
		}
		for name, after := range pages {
			b.Run(bench.name+"/"+name, func(b *testing.B) {
				found := 0
				start := time.Now()
				for b.Loop() {
					page, err := s.Menu(b.Context(), want, after, 21)
					if err != nil {
						b.Fatal(err)
					}
					found = len(page)
				}
				b.ReportMetric(float64(time.Since(start).Microseconds())/1000/float64(b.N), "ms/query")
				b.ReportMetric(0, "ns/op") // not shown
				b.ReportMetric(float64(found), "dishes")
			})
		}
	}
}
