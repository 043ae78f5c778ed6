//go:build compose

package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// The published ports of the observability tools.
const (
	prometheusPort = 9090
	lokiPort       = 3100
	zipkinPort     = 9411
)

// series is one time series: its labels, and its values in the order of time.
type series struct {
	Labels map[string]string
	Values []float64
}

// last returns the newest value.
func (s series) last() float64 { return s.Values[len(s.Values)-1] }

// get requests JSON from an address and decodes it.
func get(ctx context.Context, address string, into any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, address, nil)
	if err != nil {
		return err
	}
	resp, err := httpClient.Do(req)
	if err != nil {
		return err
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		return err
	}
	if resp.StatusCode != http.StatusOK {
		return fmt.Errorf("%s returned %d: %.500s", address, resp.StatusCode, body)
	}
	return json.Unmarshal(body, into)
}

// prometheus calls an endpoint of Prometheus's API (below /api/v1/) and decodes the data of the response.
func (sys *stack) prometheus(ctx context.Context, endpoint string, query url.Values, into any) error {
	answer := struct{ Data any }{into}
	return get(ctx, sys.portURL(prometheusPort)+"/api/v1/"+endpoint+"?"+query.Encode(), &answer)
}

// result is the result of a query in the responses of Prometheus and Loki.
type result struct {
	ResultType string
	Result     json.RawMessage
}

// series returns the time series of a result. It skips NaN (a division by zero), as a dashboard does.
func (r result) series() ([]series, error) {
	var rows []struct {
		Metric map[string]string
		Value  [2]any
		Values [][2]any
	}
	if r.ResultType == "scalar" {
		var value [2]any
		err := json.Unmarshal(r.Result, &value)
		return []series{{Values: sampleValues([][2]any{value})}}, err
	}
	if err := json.Unmarshal(r.Result, &rows); err != nil {
		return nil, fmt.Errorf("decode a %s: %w", r.ResultType, err)
	}
	var all []series
	for _, row := range rows {
		if row.Values == nil {
			row.Values = [][2]any{row.Value}
		}
		if values := sampleValues(row.Values); len(values) > 0 {
			all = append(all, series{row.Metric, values})
		}
	}
	return all, nil
}

// sampleValues returns the values of [time, value] pairs, without NaN.
func sampleValues(samples [][2]any) []float64 {
	var values []float64
	for _, sample := range samples {
		text, _ := sample[1].(string)
		if value, err := strconv.ParseFloat(text, 64); err == nil && !math.IsNaN(value) {
			values = append(values, value)
		}
	}
	return values
}

// query runs an instant query on Prometheus.
func (sys *stack) query(ctx context.Context, expr string) ([]series, error) {
	var answer result
	if err := sys.prometheus(ctx, "query", url.Values{"query": {expr}}, &answer); err != nil {
		return nil, err
	}
	return answer.series()
}

// queryRange runs a range query on Prometheus over the given time until now.
func (sys *stack) queryRange(ctx context.Context, expr string, last, step time.Duration) ([]series, error) {
	var answer result
	if err := sys.prometheus(ctx, "query_range", rangeOf(expr, last, step), &answer); err != nil {
		return nil, err
	}
	return answer.series()
}

// rangeOf returns the parameters of a range query over the given time until now.
func rangeOf(expr string, last, step time.Duration) url.Values {
	now := time.Now()
	return url.Values{"query": {expr}, "step": {fmt.Sprint(step.Seconds())},
		"start": {fmt.Sprint(now.Add(-last).Unix())}, "end": {fmt.Sprint(now.Unix())}}
}

// sum returns the sum of an expression's current values, or 0 if it has none.
func (sys *stack) sum(ctx context.Context, expr string) (float64, error) {
	all, err := sys.query(ctx, expr)
	total := 0.0
	for _, s := range all {
		total += s.last()
	}
	return total, err
}

// alert is a pending or firing alert.
type alert struct {
	Labels map[string]string
	State  string
}

func (a alert) String() string { return fmt.Sprintf("%s %v", a.State, a.Labels) }

// alerts returns Prometheus's current alerts, without those about services that this run leaves out.
func (sys *stack) alerts(ctx context.Context) ([]alert, error) {
	var answer struct{ Alerts []alert }
	if err := sys.prometheus(ctx, "alerts", nil, &answer); err != nil {
		return nil, err
	}
	var all []alert
	for _, a := range answer.Alerts {
		if !sys.isLeftOut(a.Labels) {
			all = append(all, a)
		}
	}
	return all, nil
}
