package rows

// floor is the row_id above which a relay reads. Without a floor, every read would begin at row_id 0 and pass the index entries of all
// rows deleted since the last vacuum. A snapshot held for hours, such as that of pg_dump, keeps all these entries.
//
// Every row up to the floor is published, set aside, on hold or in flight. The floor may rise only to a row_id below which no new row
// can appear. A transaction can commit a row after the relay has read rows with a higher row_id. So the floor rises over the rows that
// were read only when every transaction that could still add a row below them has ended.
//
// The proof: when the relay reads a row_id, that one and all lower ones were assigned to transactions that had begun. These
// transactions are below xmax of any later snapshot. When xmin of a still later snapshot reaches that xmax, all of them have ended.
// (This needs a transaction to write something before it takes the row_id: an event's transaction writes its document first.)
type floor struct {
	id    int64 // the relay reads rows with a higher row_id
	ended int64 // every transaction with a row up to this row_id has ended
	seen  int64 // the highest row_id that was read

	// waitingFor: once all transactions below xmax have ended, every transaction with a row up to id has ended.
	waitingFor struct{ id, xmax int64 }
}

// horizon says which transactions a snapshot knows: transactions before xmin have ended, and transactions from xmax on have not begun.
type horizon struct{ xmin, xmax int64 }

// observe updates the floor's knowledge of ended transactions from a snapshot taken before a page is read.
func (f *floor) observe(h horizon) {
	if f.waitingFor.xmax > h.xmin {
		return
	}
	f.ended = max(f.ended, f.waitingFor.id)
	f.waitingFor.id, f.waitingFor.xmax = f.seen, h.xmax
}

// raise raises the floor after the relay has read a page of rows, from the floor up to upTo.
func (f *floor) raise(upTo int64) {
	f.seen = max(f.seen, upTo)
	f.id = max(f.id, min(f.ended, upTo))
}

// raiseToEnd raises the floor after a read from the floor has found no more rows.
func (f *floor) raiseToEnd() { f.id = max(f.id, f.ended) }

// lower makes the relay read a row again.
func (f *floor) lower(id int64) { f.id = min(f.id, id-1) }
