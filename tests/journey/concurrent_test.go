package journey

import "sync"

// concurrently makes n calls at the same time. It returns their results, or the first call's error that is not nil.
func concurrently[T any](n int, call func(i int) (T, error)) ([]T, error) {
	values, errs := make([]T, n), make([]error, n)
	var calls sync.WaitGroup
	for i := range n {
		calls.Go(func() { values[i], errs[i] = call(i) })
	}
	calls.Wait()
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	return values, nil
}

// countEqual returns the number of values that equal want.
func countEqual[T comparable](values []T, want T) int {
	n := 0
	for _, value := range values {
		if value == want {
			n++
		}
	}
	return n
}
