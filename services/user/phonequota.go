package main

import (
	"errors"
	"slices"
	"time"

	"comanda/services/internal/fault"
)

// quotaWindow is the time for which an attempt to change a phone number counts.
const quotaWindow = 24 * time.Hour

// PhoneQuota limits how often an account may try to change its phone number.
type PhoneQuota struct {
	PhoneChanges int `env:"PHONE_CHANGES_PER_DAY" envDefault:"5"` // attempts within quotaWindow, refused ones included
}

// Check returns an error unless at least one attempt a day is allowed.
func (q PhoneQuota) Check() error {
	if q.PhoneChanges < 1 {
		return errors.New("PHONE_CHANGES_PER_DAY must be 1 or more")
	}
	return nil
}

// CountPhoneChange records an attempt to change the phone number. It returns Limited, and records nothing, if the profile has used up its
// attempts.
func (p *Profile) CountPhoneChange(quota PhoneQuota, now time.Time) error {
	recent := slices.DeleteFunc(slices.Clone(p.PhoneChanges), func(at time.Time) bool { return !at.After(now.Add(-quotaWindow)) })
	if surplus := len(recent) - quota.PhoneChanges; surplus >= 0 { // room is made when recent[surplus] no longer counts
		return fault.Limited(recent[surplus].Add(quotaWindow).Sub(now), "a phone number can be changed %d times in 24 hours",
			quota.PhoneChanges)
	}
	p.PhoneChanges = append(recent, now)
	return nil
}
