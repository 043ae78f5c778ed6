package validate

import (
	"net/mail"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/width"
)

// Limits of an e-mail address in bytes (RFC 5321, 4.5.3.1).
const (
	maxEmail     = 254
	maxLocalPart = 64
)

// domains maps a domain to its ASCII form, as for a lookup in the DNS (UTS 46, RFC 5891).
var domains = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.CheckHyphens(true), idna.CheckJoiners(true),
	idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// Email returns the form of address that decides whether two addresses are the same, and reports whether it is a bare e-mail
// address (RFC 5322's addr-spec) without a name, comments or quotes. The local part is in the form of a user name in lower case
// (RFC 8265, UsernameCaseMapped), the domain in ASCII.
func Email(address string) (string, bool) {
	address = width.Fold.String(strings.TrimSpace(address)) // full-width letters, and the full-width @
	at := strings.LastIndexByte(address, '@')
	if at < 0 || !utf8.ValidString(address) || len(address) > 4*maxEmail || strings.ContainsFunc(address, isOdd) {
		return "", false
	}
	local, err := precis.UsernameCaseMapped.String(address[:at])
	if err != nil || len(local) > maxLocalPart {
		return "", false
	}
	domain, err := domains.ToASCII(address[at+1:])
	if err != nil {
		return "", false
	}
	normal := strings.ReplaceAll(local, "ς", "σ") + "@" + domain // capital letters do not tell the two apart
	parsed, err := mail.ParseAddress(normal)
	if err != nil || parsed.Address != normal || len(normal) > maxEmail {
		return "", false
	}
	return normal, true
}

func isOdd(r rune) bool {
	return unicode.IsControl(r) || unicode.IsSpace(r) || unicode.Is(unicode.Bidi_Control, r)
}
