package validate

import (
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/secure/precis"
	"golang.org/x/text/unicode/norm"
	"golang.org/x/text/width"
)

// The limits of an e-mail address in bytes (RFC 5321, 4.5.3.1).
const (
	maxEmail     = 254
	maxLocalPart = 64
)

// domainNames is idna.Lookup with the lengths of the DNS.
var domainNames = idna.New(idna.MapForLookup(), idna.BidiRule(), idna.StrictDomainName(true), idna.VerifyDNSLength(true))

// Email returns the canonical form of a bare e-mail address (RFC 5321's Mailbox, without quotes and address literals), and
// whether address is one. Two forms of one address have one canonical form: the local part in lower case and NFC as precis
// prepares user names (RFC 8265, 3.3; Unicode: RFC 6531), the domain in ASCII (UTS 46, RFC 5891).
func Email(address string) (canonical string, ok bool) {
	address = norm.NFC.String(width.Fold.String(strings.TrimFunc(address, isAroundEmail))) // the domain must be in NFC before UTS 46 maps it
	at := strings.LastIndexByte(address, '@')
	if at < 0 || len(address) > 10*maxEmail || strings.ContainsRune(address, utf8.RuneError) { // RuneError stands for invalid UTF-8
		return "", false
	}
	local, err := precis.UsernameCaseMapped.String(address[:at])
	if err != nil || len(local) > maxLocalPart || strings.ContainsAny(local, `"\`) {
		return "", false
	}
	domain, err := domainNames.ToASCII(address[at+1:])
	if err != nil {
		return "", false
	}
	canonical = strings.ReplaceAll(local, "ς", "σ") + "@" + domain // in capitals they are the same letter
	parsed, err := mail.ParseAddress(canonical)
	return canonical, err == nil && parsed.Address == canonical && len(canonical) <= maxEmail
}

// isAroundEmail reports whether r is a character that programs put around an address, and that users copy with it.
func isAroundEmail(r rune) bool {
	return isBlank(r) || isMark(r) || isIgnorable(r) && !isDirectional(r)
}
