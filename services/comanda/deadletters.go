package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"net/url"
	"strings"
	"text/tabwriter"
	"time"
	"unicode"
	"unicode/utf16"
)

const deadLettersUsage = `usage:
  comanda dead-letters list [-topic TOPIC] [-service SERVICE]
  comanda dead-letters show ID
  comanda dead-letters replay ID | -all [-topic TOPIC] [-service SERVICE]
  comanda dead-letters discard ID

It logs in to the gateway at COMANDA_URL (http://127.0.0.1:8080) as ADMIN_EMAIL with ADMIN_PASSWORD; ADMIN_PASSWORD_FILE names a file.
`

// deadLettersTimeout bounds the whole command.
const deadLettersTimeout = time.Minute

// deadLetter is a line of the list.
type deadLetter struct {
	ID, Service, Topic, Status, Reason string
	Attempts                           int
	At                                 time.Time
}

// runDeadLetters lists, shows, replays and discards the events that services could not handle, through the public API.
func runDeadLetters(ctx context.Context, c call) error {
	flags := flag.NewFlagSet("dead-letters", flag.ContinueOnError)
	flags.SetOutput(c.stderr)
	flags.Usage = func() { _, _ = fmt.Fprint(c.stderr, deadLettersUsage) }
	topic, service := flags.String("topic", "", "only of this topic"), flags.String("service", "", "only of this service")
	all := flags.Bool("all", false, "every dead letter")
	verb, args := "", c.args
	if len(args) > 0 {
		verb, args = args[0], args[1:]
	}
	if err := flags.Parse(args); err != nil {
		return errUsage
	}
	many := verb == "list" || verb == "replay" && *all
	filtered := *topic != "" || *service != ""
	known := many || verb == "show" || verb == "replay" || verb == "discard"
	if !known || many != (flags.NArg() == 0) || !many && (flags.NArg() != 1 || filtered || *all) {
		flags.Usage()
		return errUsage
	}
	ctx, cancel := context.WithTimeout(ctx, deadLettersTimeout)
	defer cancel()
	api, err := logIn(ctx, c.environ)
	if err != nil {
		return err
	}
	defer api.logOut(context.WithoutCancel(ctx))
	path := "/dead-letters/" + url.PathEscape(flags.Arg(0))
	switch {
	case verb == "list":
		return listDeadLetters(ctx, c, api, *topic, *service)
	case verb == "show":
		return showDeadLetter(ctx, c, api, path)
	case verb == "discard":
		return api.send(ctx, "DELETE", path, nil, nil)
	case *all:
		return replayAll(ctx, c, api, *topic, *service)
	}
	return api.send(ctx, "POST", path+"/replay", nil, nil)
}

// listDeadLetters prints all pages of the list as one table.
func listDeadLetters(ctx context.Context, c call, api *apiClient, topic, service string) error {
	table := tabwriter.NewWriter(c.stdout, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(table, "ID\tAT\tSERVICE\tTOPIC\tSTATUS\tATTEMPTS\tREASON")
	listed := 0
	for query := (url.Values{"topic": {topic}, "service": {service}, "limit": {"100"}}); ; {
		var page struct {
			Items      []deadLetter
			NextCursor string
		}
		if err := api.send(ctx, "GET", "/dead-letters?"+query.Encode(), nil, &page); err != nil {
			return err
		}
		for _, l := range page.Items { // %q: a reason or a topic may hold what would move the terminal's cursor
			_, _ = fmt.Fprintf(table, "%s\t%s\t%s\t%q\t%s\t%d\t%q\n", l.ID, l.At.Format(time.RFC3339), l.Service, l.Topic, l.Status, l.Attempts, l.Reason)
		}
		listed += len(page.Items)
		if page.NextCursor == "" && listed == 0 {
			_, err := fmt.Fprintln(c.stdout, "no dead letters")
			return err
		}
		if page.NextCursor == "" {
			return table.Flush()
		}
		query.Set("cursor", page.NextCursor)
	}
}

// showDeadLetter prints the dead letter at path, with its payload.
func showDeadLetter(ctx context.Context, c call, api *apiClient, path string) error {
	var letter json.RawMessage
	if err := api.send(ctx, "GET", path, nil, &letter); err != nil {
		return err
	}
	var text bytes.Buffer
	if err := json.Indent(&text, letter, "", "  "); err != nil {
		return errors.New("the gateway's response is not JSON")
	}
	_, err := fmt.Fprintln(c.stdout, printable(text.String()))
	return err
}

// printable escapes the characters of a JSON text that are not for display. A letter may hold anything, also what would control the
// terminal or reorder the text. Such characters are inside strings only, so the text stays the same JSON.
func printable(text string) string {
	var shown strings.Builder
	for _, r := range text {
		switch {
		case r == '\n' || unicode.IsPrint(r):
			shown.WriteRune(r)
		default:
			for _, unit := range utf16.Encode([]rune{r}) {
				_, _ = fmt.Fprintf(&shown, `\u%04x`, unit)
			}
		}
	}
	return shown.String()
}

// replayAll asks the services to replay all dead letters, or those of one topic or service, and prints how many will be replayed.
func replayAll(ctx context.Context, c call, api *apiClient, topic, service string) error {
	request, result := map[string]string{}, struct{ Requested int }{}
	for name, value := range map[string]string{"topic": topic, "service": service} {
		if value != "" {
			request[name] = value
		}
	}
	if err := api.send(ctx, "POST", "/dead-letters/replay", request, &result); err != nil {
		return err
	}
	_, err := fmt.Fprintf(c.stdout, "%d dead letters will be replayed now\n", result.Requested)
	return err
}
