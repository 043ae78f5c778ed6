//go:build compose

package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"time"
)

// line is one line of a log, with the labels Promtail gave it and those the query made.
type line struct {
	Labels map[string]string
	Text   string
}

// logs asks Loki for the lines of the last while.
func (s *stack) logs(ctx context.Context, query string, while time.Duration) ([]line, error) {
	answer, err := s.loki(ctx, query, while, time.Second)
	if err != nil {
		return nil, err
	}
	if answer.ResultType != "streams" {
		return nil, fmt.Errorf("%s gives a %s, no lines", query, answer.ResultType)
	}
	var streams []struct {
		Stream map[string]string
		Values [][2]string
	}
	if err := json.Unmarshal(answer.Result, &streams); err != nil {
		return nil, err
	}
	var all []line
	for _, stream := range streams {
		for _, value := range stream.Values {
			all = append(all, line{stream.Stream, value[1]})
		}
	}
	return all, nil
}

// loki asks Loki for whatever a query gives: lines, or numbers.
func (s *stack) loki(ctx context.Context, query string, while, step time.Duration) (result, error) {
	values := rangeOf(query, while, step)
	values.Set("start", fmt.Sprint(time.Now().Add(-while).UnixNano()))
	values.Set("end", fmt.Sprint(time.Now().UnixNano()))
	values.Set("limit", "1000")
	var answer struct{ Data result }
	err := get(ctx, s.url(lokiPort)+"/loki/api/v1/query_range?"+values.Encode(), &answer)
	return answer.Data, err
}

// lokiLabel lists the values of a label in the last while.
func (s *stack) lokiLabel(ctx context.Context, label string, while time.Duration) ([]string, error) {
	values := url.Values{"start": {fmt.Sprint(time.Now().Add(-while).UnixNano())}}
	var answer struct{ Data []string }
	err := get(ctx, s.url(lokiPort)+"/loki/api/v1/label/"+label+"/values?"+values.Encode(), &answer)
	return answer.Data, err
}
