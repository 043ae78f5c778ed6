package rows

// floor is the row_id behind which a relay reads. Without it every look would begin at row_id 0 and pass the index entries of all
// rows deleted since the last vacuum; a snapshot held for hours, such as that of pg_dump, keeps them all.
//
// Every row up to the floor is published, set aside, on hold or in flight. That is safe only where no row can appear any more: a
// transaction may commit a row after rows with a higher row_id were read. So the floor follows the rows read only as far as every
// transaction that may still add a row has ended.
//
// The proof: a row_id that was read had been assigned, and so had all lower ones, to transactions that had begun. Those are
// below xmax of any later snapshot. When xmin of a snapshot has reached that xmax, they have all ended. (It needs the transaction
// to write before it takes the row_id: an event's transaction writes its document first.)
type floor struct {
	id    int64 // the relay reads rows with a higher row_id
	ended int64 // every transaction with a row up to this row_id has ended
	seen  int64 // the highest row_id that was read

	// waitingFor are the transactions below an xmax, among them all with a row up to a row_id.
	waitingFor struct{ id, xmax int64 }
}

// horizon is what a snapshot tells about transactions: those before xmin have ended, and those from xmax on have not begun.
type horizon struct{ xmin, xmax int64 }

// observe learns from a snapshot taken before a page is read.
func (f *floor) observe(h horizon) {
	if f.waitingFor.xmax > h.xmin {
		return
	}
	f.ended = max(f.ended, f.waitingFor.id)
	f.waitingFor.id, f.waitingFor.xmax = f.seen, h.xmax
}

// raise follows a page that was read from the floor up to a row_id.
func (f *floor) raise(upTo int64) {
	f.seen = max(f.seen, upTo)
	f.id = max(f.id, min(f.ended, upTo))
}

// raiseToEnd follows a look from the floor that found no more rows.
func (f *floor) raiseToEnd() { f.id = max(f.id, f.ended) }

// lower makes the relay read a row again.
func (f *floor) lower(id int64) { f.id = min(f.id, id-1) }
