package main

import (
	"slices"
	"strings"
	"text/template"
)

// greetingText is the text for a newcomer. Its fields are those of the struct in greeting.
var greetingText = template.Must(template.New("greeting").Parse(`
  Comanda is ready: {{.URL}}

    customer  {{printf "%-26s" .Customer.Email}} {{.Customer.Password}}
    kitchen   {{printf "%-26s" .Kitchen.Email}} {{.Kitchen.Password}}
    admin     {{printf "%-26s" .Admin.Email}} {{.Admin.Password}}
    (also in {{.Secrets}})

  Try, in another terminal:

    make demo
    curl -s '{{.URL}}/api/v1/products?limit=5'
    curl -s {{.URL}}/api/v1/auth/login -H 'Content-Type: application/json' \
      -d '{"email":"{{.Customer.Email}}","password":"{{.Customer.Password}}"}'
    make restart SERVICE=order    # after a change in services/order

  The API   {{.URL}}/docs (with a walkthrough)
  {{.Dashboard}}
  Logs      {{.Logs}} (make run ARGS=-v shows all of them here)
  Ctrl-C stops everything. The data stays for the next make run.

`))

// login is what a person needs to log in.
type login struct{ Email, Password string }

// greeting returns the text for a newcomer when the system is ready. refused are the accounts with a wrong password.
func (l *launcher) greeting(refused []string) string {
	loginOf := func(who string) login {
		password := l.settings[who+"_PASSWORD"]
		if slices.Contains(refused, who) {
			password = "(refused: see above)"
		}
		return login{l.settings[who+"_EMAIL"], password}
	}
	var text strings.Builder
	_ = greetingText.Execute(&text, struct { // cannot fail: the template uses only these fields
		URL, Secrets, Dashboard, Logs string
		Customer, Kitchen, Admin      login
	}{
		URL: l.settings["COMANDA_URL"], Secrets: l.paths.relative(l.paths.secrets()),
		Dashboard: dashboardLine(), Logs: l.paths.relative(l.paths.logs()),
		Customer: loginOf("CUSTOMER"), Kitchen: loginOf("KITCHEN"), Admin: loginOf("ADMIN"),
	})
	return text.String()
}
