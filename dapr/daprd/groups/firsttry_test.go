package groups

import "testing"

func TestOnlyTheFirstDeliveryIsAFirstTry(t *testing.T) {
	if IsFirstTry(t.Context()) {
		t.Error("a delivery that was not allowed to be grouped: got a first try, want none")
	}
	ctx := WithFirstTry(t.Context())
	if !IsFirstTry(ctx) {
		t.Error("the first delivery: got a retry, want a first try")
	}
	for range 2 {
		if IsFirstTry(ctx) {
			t.Error("a later delivery: got a first try, want a retry")
		}
	}
}
