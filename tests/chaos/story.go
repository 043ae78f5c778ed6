package chaos

import (
	"regexp"
	"strings"
	"testing"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// anyID finds the ids of orders and accounts in the messages of broken promises.
var anyID = regexp.MustCompile(`[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}`)

// maxStories limits the timelines in a report.
const maxStories = 20

// stories returns the timeline of every order and registration that a broken promise names, from the API.
func (l *load) stories(t *testing.T, broken error) string {
	var text strings.Builder
	told := map[string]bool{l.dish.ID: true, l.stock.dish.ID: true} // these have no timeline
	for _, id := range anyID.FindAllString(broken.Error(), -1) {
		if told[id] {
			continue
		}
		l.mu.Lock()
		_, isAccount := l.accounts[id]
		l.mu.Unlock()
		if told[id] = true; len(told) > maxStories {
			text.WriteString("the timelines of more orders are not shown\n")
			break
		}
		read := (*client.Client).Timeline
		if isAccount {
			read = (*client.Client).RegistrationTimeline
		}
		text.WriteString(scenario.Tell(t, l.scenario.Admin, id, read) + "\n")
	}
	return text.String()
}
