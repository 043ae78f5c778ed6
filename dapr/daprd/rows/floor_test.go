package rows

import (
	"math"
	"testing"
)

// look is a turn that reads all due rows behind the floor and publishes them.
func look(f *floor, h horizon, rows ...int64) {
	f.observe(h)
	for _, id := range rows {
		f.raise(id)
	}
	f.raiseToEnd()
}

func TestFloorFollowsTheRowsRead(t *testing.T) {
	var f floor
	look(&f, horizon{100, 101}, 10)
	look(&f, horizon{101, 102})
	look(&f, horizon{102, 103})
	if f.id != 10 {
		t.Errorf("floor after all transactions have ended: got %d, want 10", f.id)
	}
	if f.lower(7); f.id != 6 {
		t.Errorf("floor below a row to read again: got %d, want 6", f.id)
	}
	if look(&f, horizon{103, 104}, 7); f.id != 10 {
		t.Errorf("floor after the row was read again: got %d, want 10", f.id)
	}
}

// A transaction has taken row_id 9 but has not committed yet when row 10 is read and published.
func TestFloorWaitsForTransactionsThatMayAddARow(t *testing.T) {
	var f floor
	late := int64(100)
	look(&f, horizon{late, 101}, 10)
	for xmax := int64(102); xmax < 120; xmax++ {
		if look(&f, horizon{late, xmax}); f.id >= 9 {
			t.Fatalf("floor while the transaction runs: got %d, want below 9", f.id)
		}
	}
	look(&f, horizon{120, 121})
	look(&f, horizon{121, 122})
	if f.id != 10 {
		t.Errorf("floor after the transaction has ended: got %d, want 10", f.id)
	}
}

func TestFloorStaysBehindWhatWasNotRead(t *testing.T) {
	var f floor
	look(&f, horizon{100, 101}, 10)
	look(&f, horizon{101, 102})
	f.lower(3)
	f.observe(horizon{math.MaxInt64, math.MaxInt64})
	if f.raise(4); f.id != 4 {
		t.Errorf("floor after a page that ends at row 4: got %d, want 4", f.id)
	}
}
