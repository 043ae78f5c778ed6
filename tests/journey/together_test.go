package journey

import (
	"sync"
	"testing"
)

// together makes n calls at the same time and returns their results.
func together[T any](n int, do func(i int) (T, error)) func(testing.TB) []T {
	values, errs := make([]T, n), make([]error, n)
	var all sync.WaitGroup
	for i := range n {
		all.Go(func() { values[i], errs[i] = do(i) })
	}
	all.Wait()
	return func(t testing.TB) []T {
		t.Helper()
		for _, err := range errs {
			if err != nil {
				t.Fatal(err)
			}
		}
		return values
	}
}

// count returns the number of values that equal want.
func count[T comparable](values []T, want T) int {
	n := 0
	for _, value := range values {
		if value == want {
			n++
		}
	}
	return n
}
