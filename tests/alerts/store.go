package alerts

import (
	"context"
	"math"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/tsdb/chunks"
	"github.com/prometheus/prometheus/util/annotations"
)

// stale marks the end of a series that vanished from the input or from a rule's result.
var stale = math.Float64frombits(value.StaleNaN)

// seriesStore holds the time series of one test.
type seriesStore struct{ series []*series }

type series struct {
	labels  labels.Labels
	samples []chunks.Sample
}

// add appends one sample. Its time must be later than the series' last one.
func (m *seriesStore) add(l labels.Labels, at int64, v float64) {
	for _, s := range m.series {
		if labels.Equal(s.labels, l) {
			s.samples = append(s.samples, sample{at, v})
			return
		}
	}
	m.series = append(m.series, &series{l, []chunks.Sample{sample{at, v}}})
}

// load adds a whole series, one sample for each interval from 0 on.
func (m *seriesStore) load(l labels.Labels, values []parser.SequenceValue, interval int64) {
	s := &series{labels: l}
	for i, v := range values {
		if !v.Omitted {
			s.samples = append(s.samples, sample{int64(i) * interval, v.Value})
		}
	}
	m.series = append(m.series, s)
}

// Querier makes the store a storage.Queryable.
func (m *seriesStore) Querier(_, _ int64) (storage.Querier, error) {
	return querier{seriesStore: m}, nil
}

type querier struct {
	storage.LabelQuerier // nil: the engine does not use it
	*seriesStore
}

func (q querier) Close() error { return nil }

func (q querier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := &seriesSet{}
	for _, s := range q.series {
		if matches(s.labels, matchers) {
			found.all = append(found.all, storage.NewListSeries(s.labels, s.samples))
		}
	}
	return found
}

func matches(l labels.Labels, matchers []*labels.Matcher) bool {
	for _, m := range matchers {
		if !m.Matches(l.Get(m.Name)) {
			return false
		}
	}
	return true
}

type seriesSet struct {
	all []storage.Series
	now storage.Series
}

func (s *seriesSet) Next() bool {
	if len(s.all) == 0 {
		return false
	}
	s.now, s.all = s.all[0], s.all[1:]
	return true
}

func (s *seriesSet) At() storage.Series                { return s.now }
func (s *seriesSet) Err() error                        { return nil }
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// sample is a plain number at a time, in milliseconds.
type sample struct {
	at int64
	v  float64
}

func (s sample) T() int64                      { return s.at }
func (s sample) F() float64                    { return s.v }
func (s sample) H() *histogram.Histogram       { return nil }
func (s sample) FH() *histogram.FloatHistogram { return nil }
func (s sample) Type() chunkenc.ValueType      { return chunkenc.ValFloat }
func (s sample) Copy() chunks.Sample           { return s }
