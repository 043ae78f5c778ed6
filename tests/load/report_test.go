package load

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"
)

// figure is one number of a sample.
type figure func(sample) float64

// headlines are the figures of the benchmark's own line, and of the first lines of the report.
var headlines = map[string]figure{
	"confirmed/s":   func(s sample) float64 { return s.perSecond },
	"ms-cpu/order":  func(s sample) float64 { return sum(s.processor) },
	"WAL-B/order":   func(s sample) float64 { return s.wal.Bytes },
	"p50-ms-at-20":  func(s sample) float64 { return s.decided.p50 },
	"commits/order": func(s sample) float64 { return sum(s.commits) },
}

// median returns the median of a figure over the rounds.
func (a *arm) median(of figure) float64 {
	values := make([]float64, len(a.samples))
	for i, s := range a.samples {
		values[i] = of(s)
	}
	return median(values)
}

func median(values []float64) float64 {
	slices.Sort(values)
	return (values[len(values)/2] + values[(len(values)-1)/2]) / 2
}

// ratio returns the median of the ratios of each round: of the last system to the first. The two were measured within seconds of each
// other, so the ratio of a round depends least on other work on the machine.
func ratio(arms []*arm, of figure) float64 {
	first, last := arms[0].samples, arms[len(arms)-1].samples
	var ratios []float64
	for i := range first {
		if base := of(first[i]); base > 0 {
			ratios = append(ratios, of(last[i])/base)
		}
	}
	if len(ratios) == 0 {
		return 0
	}
	return median(ratios)
}

// report returns a table with the medians of each system, and the ratios of the last to the first (see ratio).
func report(arms []*arm) string {
	r := &table{arms: arms}
	fmt.Fprintf(&r.text, "\nMedians of %d rounds, on %s:\n%-36s", *rounds, time.Now().Format(time.DateOnly), "")
	for _, a := range arms {
		fmt.Fprintf(&r.text, "%12s", a.name)
	}
	if len(arms) > 1 {
		r.text.WriteString("   ratio")
	}
	r.text.WriteString("\n")
	r.add("confirmed orders per second", headlines["confirmed/s"])
	r.add("ms from POST to 201, p50", func(s sample) float64 { return s.placed.p50 })
	r.add("ms from POST to 201, p99", func(s sample) float64 { return s.placed.p99 })
	r.add(fmt.Sprintf("ms to CONFIRMED at %d/s, p50", pace), headlines["p50-ms-at-20"])
	r.add(fmt.Sprintf("ms to CONFIRMED at %d/s, p99", pace), func(s sample) float64 { return s.decided.p99 })
	r.add("WAL: bytes per order", headlines["WAL-B/order"])
	r.add("WAL: records per order", func(s sample) float64 { return s.wal.Records })
	r.add("WAL: full pages per order", func(s sample) float64 { return s.wal.Images })
	r.add("WAL: syncs per order", func(s sample) float64 { return s.wal.Syncs })
	r.addEach("commits per order: ", func(s sample) map[string]float64 { return s.commits })
	r.add("processor ms per order", headlines["ms-cpu/order"])
	r.addEach("  ", func(s sample) map[string]float64 { return s.processor })
	r.add("objects allocated per order", func(s sample) float64 { return sum(s.objects) })
	r.addEach("  ", func(s sample) map[string]float64 { return s.objects })
	r.add("kB allocated per order", func(s sample) float64 { return sum(s.kB) })
	r.addEach("  ", func(s sample) map[string]float64 { return s.kB })
	r.addMemory()
	return r.text.String()
}

// table is a report in the making.
type table struct {
	arms []*arm
	text strings.Builder
}

func (r *table) add(name string, of figure) {
	values := make([]float64, len(r.arms))
	for i, a := range r.arms {
		values[i] = a.median(of)
	}
	r.line(name, values, ratio(r.arms, of))
}

func (r *table) line(name string, values []float64, ratio float64) {
	fmt.Fprintf(&r.text, "%-36s", name)
	for _, value := range values {
		fmt.Fprintf(&r.text, "%12.2f", value)
	}
	if len(values) > 1 {
		fmt.Fprintf(&r.text, "%8.2f", ratio)
	}
	r.text.WriteString("\n")
}

// addEach adds a line for each name that a figure is divided into.
func (r *table) addEach(prefix string, of func(sample) map[string]float64) {
	for _, name := range slices.Sorted(maps.Keys(of(r.arms[0].samples[0]))) {
		r.add(prefix+name, func(s sample) float64 { return of(s)[name] })
	}
}

// addMemory adds the memory after the last round.
func (r *table) addMemory() {
	totals := make([]float64, len(r.arms))
	for i, a := range r.arms {
		totals[i] = sum(a.memory)
	}
	r.line("MiB of services and sidecars", totals, totals[len(totals)-1]/totals[0])
}

func sum(of map[string]float64) (total float64) {
	for _, value := range of {
		total += value
	}
	return total
}
