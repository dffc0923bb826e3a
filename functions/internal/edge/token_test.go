package edge

import (
	"net/http"
	"strings"
	"testing"

	"example.com/autoprovision/infra/simtokens"
	"example.com/autoprovision/shared/fault"
)

// counting counts what it passes on.
type counting struct {
	next http.RoundTripper
	n    int
}

func (c *counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.n++
	answer, err := c.next.RoundTrip(r)
	if err == nil {
		answer.Header.Del("Cache-Control") // not kept: each use of the keys is a request
	}
	return answer, err
}

// TestKeysAreFetchedLast: a token whose claims are wrong costs no request, and
// the reason says what to do about it.
func TestKeysAreFetchedLast(t *testing.T) {
	t.Parallel()
	issuer := simtokens.New()
	keys := &counting{next: issuer.Keys().Transport}
	tokens, err := NewTokens(&http.Client{Transport: keys})
	if err != nil {
		t.Fatal(err)
	}
	good := simtokens.Account("tasks@p.example", "https://f.example/reconcile")
	valid := issuer.Token(good)
	for _, test := range []struct {
		what, token, reason string
		requests            int
	}{
		{"right", valid, "", 1},
		{"forged", simtokens.New().Token(good), "signature", 1},
		{"for another audience", issuer.Token(good.With("aud", "https://f.example/sweep")), "another audience", 0},
		{"of another issuer", issuer.Token(good.With("iss", "x")), "another issuer", 0},
		{"expired", issuer.Token(good.With("exp", 1)), "expired", 0},
		{"without an address", issuer.Token(good.With("email", nil)), "verified", 0},
		{"without its signature", valid[:strings.LastIndexByte(valid, '.')] + "." + removed, "without the invoker check", 0},
	} {
		keys.n = 0
		claims, err := tokens.Verify(t.Context(), test.token, func(Claims) (string, error) { return "https://f.example/reconcile", nil })
		if keys.n != test.requests || (err == nil) != (test.reason == "") || err == nil && claims.Email != "tasks@p.example" {
			t.Errorf("%s: %v, %d requests, want %d", test.what, err, keys.n, test.requests)
		}
		if err != nil && (!fault.Is(err, fault.Unauthorized) || !strings.Contains(err.Error(), test.reason) || strings.Contains(err.Error(), test.token)) {
			t.Errorf("%s: %v", test.what, err)
		}
	}
	if _, err := tokens.Verify(t.Context(), issuer.Token(good.With("aud", "")), func(Claims) (string, error) { return "", nil }); !fault.Is(err, fault.Unauthorized) {
		t.Errorf("no audience at all: %v", err)
	}
}
