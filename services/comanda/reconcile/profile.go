package reconcile

import (
	"context"
	"fmt"
	"slices"
	"time"
)

// profiles lists the statuses that a profile may have for each status of its account; "" is no profile. user decides before auth does.
// The profile of an erased account is a tombstone.
var profiles = map[string][]string{
	"PENDING": {"", "ACTIVE", "REJECTED"}, "ACTIVE": {"ACTIVE"}, "SUSPENDED": {"ACTIVE"}, "REJECTED": {"REJECTED", "CANCELLED"},
	"DELETING": {"ACTIVE", "ERASED"}, "ERASED": {"ERASED"},
}

// Profiles checks that every account has the profile that its status requires, and that every profile has an account. It mends nothing:
// a lost profile's data is gone, and a person has to decide who may keep an e-mail or a phone number.
func (d Databases) Profiles(ctx context.Context, rest time.Duration) (found []Problem, err error) {
	err = compare(ctx, rest, d["auth"], d["user"], documents("account"), documents("profile"), func(id string, account, profile entry) {
		switch {
		case account.ID != "" && !account.AtRest, profile.ID != "" && !profile.AtRest:
		case account.ID == "" && profile.State != "ACTIVE": // a tombstone holds nothing
		case profile.ID == "" && account.Old && account.State == "REJECTED": // the service user has deleted the tombstone
		case account.ID == "":
			found = append(found, Problem{Kind: "profile", Detail: fmt.Sprintf("account %s does not exist, and its profile is ACTIVE", id)})
		case !slices.Contains(profiles[account.State], profile.State):
			found = append(found, Problem{Kind: "profile", Detail: fmt.Sprintf("account %s is %s, and its profile is %q: want one of %q", id,
				account.State, profile.State, profiles[account.State])})
		}
	})
	return found, err
}
