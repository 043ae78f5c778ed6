//go:build compose

package compose

import (
	"context"
	"encoding/json"
	"fmt"
	"time"
)

// line is one log line in Loki, with the labels from Promtail and from the query.
type line struct {
	Labels map[string]string
	Text   string
}

// logs returns the lines that a query finds in the given time until now.
func (sys *stack) logs(ctx context.Context, query string, last time.Duration) ([]line, error) {
	answer, err := sys.loki(ctx, query, last, time.Second)
	if err != nil {
		return nil, err
	}
	if answer.ResultType != "streams" {
		return nil, fmt.Errorf("result of %s: got a %s, want streams", query, answer.ResultType)
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

// loki runs a range query over the given time until now. The result contains lines or numbers.
func (sys *stack) loki(ctx context.Context, query string, last, step time.Duration) (result, error) {
	values := rangeOf(query, last, step)
	values.Set("start", fmt.Sprint(time.Now().Add(-last).UnixNano()))
	values.Set("end", fmt.Sprint(time.Now().UnixNano()))
	values.Set("limit", "1000")
	var answer struct{ Data result }
	err := get(ctx, sys.portURL(lokiPort)+"/loki/api/v1/query_range?"+values.Encode(), &answer)
	return answer.Data, err
}
