package chaos

import (
	"math/rand/v2"
	"strings"
	"testing"
	"time"
)

// A run fails when fresh or waiting orders needed too long after a fault. Two faults at a time may take twice as long.
func TestSlowRecoveriesAreNamed(t *testing.T) {
	r := report{recoveries: map[string][]recovery{
		"kill a service": {{fresh: time.Second}, {fresh: 21 * time.Second}}, "freeze a service": {{fresh: 19 * time.Second, waiting: 22 * time.Second}},
		twoAtATime: {{fresh: 40 * time.Second, waiting: 41 * time.Second}}, restoreKind + "order": {{fresh: 20 * time.Second, waiting: 20 * time.Second}},
	}}
	want := "freeze a service: waiting orders were decided after 22s, want at most 20s\n" +
		"kill a service: fresh orders were confirmed after 21s, want at most 20s\n" +
		"two at a time: waiting orders were decided after 41s, want at most 40s"
	if err := r.tooSlow(20 * time.Second); err == nil || err.Error() != want {
		t.Errorf("got %v, want %s", err, want)
	}
	if err := r.tooSlow(0); err != nil {
		t.Errorf("without a limit: got %v", err)
	}
}

// After a restore only what nothing can mend is excused.
func TestRestoreExcusesOnlyWhatNothingCanMend(t *testing.T) {
	now := time.Now()
	l := &load{accepted: map[string]placedOrder{"before": {at: now.Add(-time.Hour)}, "meanwhile": {at: now.Add(time.Second)}},
		accounts: map[string]time.Time{"new": now.Add(time.Second), "old": now.Add(-time.Hour), "slow": now.Add(-time.Hour), "later": now.Add(time.Hour)},
		activated: map[string]time.Time{"new": now.Add(2 * time.Second), "old": now.Add(-time.Minute), "slow": now.Add(time.Second),
			"later": now.Add(time.Hour)}}
	const lost, missing, noProfile = "order does not exist", `order is CANCELLED, and its reservation is ""`, `account is ACTIVE, and its profile is ""`
	for _, tc := range []struct {
		service, id, detail string
		want                bool
	}{
		{"order", "meanwhile", lost, true}, {"order", "before", lost, false},
		{"order", "meanwhile", `order is CONFIRMED, and its reservation is "RELEASED"`, false},
		{"product", "meanwhile", missing, true}, {"product", "before", missing, false},
		{"product", "meanwhile", `order is CONFIRMED, and its reservation is ""`, false},
		{"user", "new", noProfile, true}, {"user", "old", noProfile, false}, {"user", "slow", noProfile, true}, {"user", "later", noProfile, false},
		{"auth", "new", noProfile, false}, {"auth", "meanwhile", lost, false},
	} {
		l.restores = []restore{{tc.service, now, now.Add(5 * time.Second)}}
		if got := l.excuses(tc.id, tc.detail); got != tc.want {
			t.Errorf("database of %s restored, %s: %s: got excused %t, want %t", tc.service, tc.id, tc.detail, got, tc.want)
		}
	}
	// whether an event about these may be impossible to handle
	for id, want := range map[string]bool{"meanwhile": true, "before": false, "new": true, "slow": true, "old": false, "later": false} {
		if got := l.mayBeForgotten(id); got != want {
			t.Errorf("%s: got that it may be forgotten: %t, want %t", id, got, want)
		}
	}
}

// A database is restored when nothing else happens, and every kind occurs in each round.
func TestRestoresHappenAlone(t *testing.T) {
	var kinds []kind
	for _, name := range []string{"a", "b", "restore"} {
		kinds = append(kinds, kind{name: name, make: once(name, nil), alone: name == "restore"})
	}
	seen := map[string]int{}
	for _, together := range sequence(kinds, rand.New(rand.NewPCG(7, 0)), 4*25) {
		name, targets := describe(together)
		seen[name]++
		if len(together) > 1 && strings.Contains(targets, "restore") {
			t.Errorf("got %s at the same time", targets)
		}
	}
	for _, name := range []string{"a", "b", "restore", twoAtATime} {
		if seen[name] != 25 {
			t.Errorf("%s: got %d faults, want 25 of 100: %v", name, seen[name], seen)
		}
	}
}
