package attack

import (
	"encoding/base64"
	"encoding/json"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/google/uuid"

	"comanda/tests/client"
	"comanda/tests/scenario"
)

// The API accepts only complete, valid tokens that auth signed for this audience (RFC 8725), also where no token is needed.
func TestForgedTokensAreRefused(t *testing.T) {
	t.Parallel()
	s := newScenario(t)
	ana := s.Customer()
	forge := forger{t, []byte(sharedSystem(t).JWTSecret), ana.Session.AccessToken, ana.ID}
	all := forge.byClaims()
	maps.Copy(all, forge.byHeader())
	maps.Copy(all, forge.bySpelling())
	for name, token := range all {
		as := s.Anonymous.As(client.Session{AccessToken: token})
		for _, request := range []client.Request{
			{Method: "GET", Path: "/orders"},
			{Method: "GET", Path: "/products"},
			{Method: "POST", Path: "/products", Body: client.NewProduct{Name: "Forged " + name, Category: "tests", PriceCents: 1}},
		} {
			got := scenario.Try(as.Do(t.Context(), request)).OrFail(t)
			if got.Status != http.StatusUnauthorized || !strings.HasPrefix(got.Header.Get("WWW-Authenticate"), "Bearer") {
				t.Errorf("%s: %s %s: got %d and WWW-Authenticate %q, want 401 and Bearer", name, request.Method, request.Path,
					got.Status, got.Header.Get("WWW-Authenticate"))
			}
		}
	}
	if found := scenario.Try(s.Anonymous.Menu(t.Context(), client.Search{Query: "Forged"})).OrFail(t); len(found.Items) != 0 {
		t.Errorf("dishes created with forged tokens: got %+v, want none", found.Items)
	}
}

// A token beyond the limit for headers is refused before it is parsed.
func TestOversizedTokensAreRefused(t *testing.T) {
	t.Parallel()
	c := open(t, 7, hostPort(sharedSystem(t).URL))
	c.send("GET /api/v1/orders HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer " + strings.Repeat("x", 64<<10) + "\r\n\r\n")
	if got := c.status(scenario.SagaTimeout); got != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("a token of 64 KiB: got %d, want 431", got)
	}
}

// forger makes tokens from the secret and from a customer's genuine token.
type forger struct {
	t       *testing.T
	secret  []byte
	genuine string
	account string
}

// sign returns a token of an admin, with changed claims and further headers.
func (f forger) sign(method jwt.SigningMethod, key any, claims jwt.MapClaims, headers map[string]any) string {
	f.t.Helper()
	all := jwt.MapClaims{"iss": "comanda/auth", "aud": []string{"comanda"}, "sub": f.account,
		"roles": []string{"customer", "staff", "admin"}, "jti": uuid.NewString(),
		"iat": time.Now().Unix(), "exp": time.Now().Add(4 * time.Minute).Unix()}
	maps.Copy(all, claims)
	maps.DeleteFunc(all, func(_ string, value any) bool { return value == nil })
	token := jwt.NewWithClaims(method, all)
	maps.Copy(token.Header, headers)
	return scenario.Try(token.SignedString(key)).OrFail(f.t)
}

// byClaims returns tokens with the right signature and a wrong claim.
func (f forger) byClaims() map[string]string {
	tokens := map[string]string{}
	for name, claims := range map[string]jwt.MapClaims{
		"expired":              {"exp": time.Now().Add(-time.Minute).Unix()},
		"without expiry":       {"exp": nil},
		"not yet valid":        {"nbf": time.Now().Add(time.Minute).Unix()},
		"of another issuer":    {"iss": "mallory"},
		"without issuer":       {"iss": nil},
		"for another audience": {"aud": []string{"bank"}},
		"without audience":     {"aud": nil},
		"without subject":      {"sub": ""},
	} {
		tokens[name] = f.sign(jwt.SigningMethodHS256, f.secret, claims, nil)
	}
	return tokens
}

// byHeader returns tokens whose header chooses the algorithm or the key.
func (f forger) byHeader() map[string]string {
	attackersKey := []byte(strings.Repeat("x", 40))
	genuine, _, err := jwt.NewParser().ParseUnverified(f.genuine, jwt.MapClaims{})
	if err != nil {
		f.t.Fatal(err)
	}
	encodedKey := base64.RawURLEncoding.EncodeToString(attackersKey)
	tokens := map[string]string{
		"without algorithm":   f.sign(jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, nil, nil),
		"of HS512":            f.sign(jwt.SigningMethodHS512, f.secret, nil, nil),
		"of HS384":            f.sign(jwt.SigningMethodHS384, f.secret, nil, nil),
		"of an unknown key":   f.sign(jwt.SigningMethodHS256, attackersKey, nil, nil),
		"of an empty key":     f.sign(jwt.SigningMethodHS256, []byte{}, nil, nil),
		"with a stolen kid":   f.sign(jwt.SigningMethodHS256, attackersKey, nil, map[string]any{"kid": genuine.Header["kid"]}),
		"with its own jwk":    f.sign(jwt.SigningMethodHS256, attackersKey, nil, map[string]any{"jwk": map[string]any{"kty": "oct", "k": encodedKey}}),
		"with a jku":          f.sign(jwt.SigningMethodHS256, attackersKey, nil, map[string]any{"jku": "http://127.0.0.1:1/keys"}),
		"with a kid of a key": f.sign(jwt.SigningMethodHS256, attackersKey, nil, map[string]any{"kid": encodedKey}),
	}
	for _, kid := range []any{"", "../../../../dev/null", "' or '1'='1", 0, nil, []string{"a"}, "unknown"} {
		tokens["with the kid "+string(scenario.Try(json.Marshal(kid)).OrFail(f.t))] = f.sign(jwt.SigningMethodHS256, []byte{}, nil, map[string]any{"kid": kid})
	}
	return tokens
}

// bySpelling returns changed spellings of the genuine token.
func (f forger) bySpelling() map[string]string {
	part := strings.Split(f.genuine, ".")
	raw := scenario.Try(base64.RawURLEncoding.DecodeString(part[1])).OrFail(f.t)
	var claims map[string]any
	if err := json.Unmarshal(raw, &claims); err != nil {
		f.t.Fatal(err)
	}
	claims["roles"] = []string{"customer", "staff", "admin"}
	promoted := base64.RawURLEncoding.EncodeToString(scenario.Try(json.Marshal(claims)).OrFail(f.t))
	return map[string]string{
		"with more roles":        part[0] + "." + promoted + "." + part[2],
		"without a signature":    part[0] + "." + part[1] + ".",
		"without its last part":  part[0] + "." + part[1],
		"with a fourth part":     f.genuine + ".e30",
		"with padding":           f.genuine + "=",
		"with other unused bits": f.genuine[:len(f.genuine)-1] + string(withOtherUnusedBits(f.genuine[len(f.genuine)-1])),
		"that is no token":       "nonsense",
	}
}

// withOtherUnusedBits returns another digit that decodes to the same last byte of a signature of 32 bytes: the last digit of its
// base64 has two unused bits.
func withOtherUnusedBits(digit byte) byte {
	const digits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return digits[strings.IndexByte(digits, digit)^1]
}
