package main

import (
	"context"
	"crypto/rand"
	"errors"
	"strings"

	"comanda/services/event"
	"comanda/services/internal/document"
	"comanda/services/internal/validate"
)

// passwords hashes, compares and judges passwords, all within the bounds of the queue. For an account that does not exist it
// compares with the dummy, so that the response time does not reveal whether the account exists.
type passwords struct {
	cost  hashCost
	dummy string
	queue *workQueue
}

func newPasswords(cost hashCost, queue *workQueue) passwords {
	return passwords{cost, cost.hash(rand.Text()), queue}
}

// checkPassword returns the prepared form of password, or the reason why the account with this e-mail and name cannot have it.
func checkPassword(password, email, name string) (prepared, problem string) {
	if prepared, problem = preparePassword(password); problem == "" {
		problem = weakness(prepared, email, name)
	}
	return prepared, problem
}

// preparePassword returns the prepared form of password, or the reason why no account can have it.
func preparePassword(password string) (prepared, problem string) {
	prepared, ok := validate.Password(password)
	switch {
	case password == "":
		return "", "must be given: " + passwordLength
	case !ok:
		return "", "must not have control characters or invisible characters, such as the joiners and selectors of some emoji"
	case len(prepared) < minPassword || len(prepared) > maxPassword:
		return "", passwordLength
	}
	return prepared, ""
}

const passwordLength = "must be 8 to 72 bytes long"

// check validates a client's registration. It runs in the queue, because judging the password takes much processor time.
func (p passwords) check(ctx context.Context, client string, r Registration) (checked Registration, err error) {
	if refused := p.queue.runWork(ctx, client, func() { checked, err = r.Check() }); refused != nil {
		return r, refused
	}
	return checked, err
}

// hash returns the hash of a password that checkPassword has prepared.
func (p passwords) hash(ctx context.Context, client, password string) (hash string, err error) {
	err = p.queue.runWork(ctx, client, func() { hash = p.cost.hash(password) })
	return hash, err
}

// matches reports whether password has the given hash. Older versions hashed the password as it was typed, newer ones its prepared form
// (validate.Password). So when the two forms differ, both are compared, even if the first matches: the time depends only on the password.
func (p passwords) matches(ctx context.Context, client, hash, password string) (right bool, err error) {
	err = p.queue.runWork(ctx, client, func() {
		prepared, ok := validate.Password(password)
		if right = p.hashMatches(hash, password); ok && prepared != password {
			right = p.hashMatches(hash, prepared) || right
		}
	})
	return right, err
}

// hashMatches reports whether password has the given hash. Without a usable hash it returns false after the time of a real comparison. It
// does the same for a password longer than any account can have, because bcrypt would compare only its first 72 bytes.
func (p passwords) hashMatches(hash, password string) bool {
	if hash != "" && len(password) <= maxPassword {
		if right, err := compareHash(hash, password); err == nil {
			return right
		}
	}
	_, _ = compareHash(p.dummy, password[:min(len(password), maxPassword)])
	return false
}

// outdated reports whether hash is of an earlier kind or cost.
func (p passwords) outdated(hash string) bool { return !strings.HasPrefix(hash, p.cost.prefix()) }

// upgradeHash replaces the outdated hash of an account after a login with the right password. It announces nothing. If it fails, the next
// login tries again.
func (s service) upgradeHash(ctx context.Context, client string, account Account, password string) {
	if !s.passwords.outdated(account.PasswordHash) {
		return
	}
	if prepared, ok := validate.Password(password); ok {
		password = prepared
	}
	hash, err := s.passwords.hash(ctx, client, password)
	if err == nil {
		_, err = s.documents.Change(ctx, account.ID, func(a *Account) (event.Message, error) {
			if a.PasswordHash != account.PasswordHash { // another login has upgraded it, or the password has changed
				return event.NoMessage, document.ErrUnchanged
			}
			a.PasswordHash = hash
			return event.NoMessage, nil
		})
	}
	if err != nil && !errors.Is(err, context.Canceled) {
		s.log.WarnContext(ctx, "the password hash was not upgraded; the next login tries again", "userId", account.ID, "error", err)
	}
}
