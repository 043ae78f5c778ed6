package database_test

import (
	"testing"
	"time"

	"comanda/services/internal/database"
)

func TestRetentionIsLongerThanAnEventLives(t *testing.T) {
	for period, accepted := range map[time.Duration]bool{0: false, time.Hour: false, 719 * time.Hour: false, 720 * time.Hour: true} {
		if err := (database.Retention{Records: period}).Check(); (err == nil) != accepted {
			t.Errorf("%s: got %v, want accepted %t", period, err, accepted)
		}
	}
}
