package scim_test

import (
	"context"
	"encoding/base64"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/scim"
	"example.com/autoprovision/shared/secrets"
)

// formerToken is one that the client does not hold any more.
const formerToken = "aB3dE5fG7hJ9"

// TestNothingLeaks lets the app and the network say what they must not.
func TestNothingLeaks(t *testing.T) {
	t.Parallel()
	bad := map[string]string{
		"whole":              "the header was Bearer " + secretToken,
		"alone":              secretToken,
		"another one":        "rejected: bearer " + formerToken,
		"in part":            "unknown token " + secretToken[3:15] + "…",
		"other case":         strings.ToLower(secretToken),
		"in base64":          "Authorization: " + base64.StdEncoding.EncodeToString([]byte("Bearer "+secretToken)),
		"in base64, shifted": base64.URLEncoding.EncodeToString([]byte("token=" + secretToken + "&")),
		"in base64, again":   base64.StdEncoding.EncodeToString([]byte("to: " + secretToken)),
		"in hexadecimal":     "headers " + hex.EncodeToString([]byte(secretToken)),
		"at the cut":         strings.Repeat("x", 290) + secretToken,
		"far out":            strings.Repeat("y ", 990) + secretToken + strings.Repeat("z", 5000),
		"address":            "user ana.secret@example.com exists",
		"encoded":            "no match for userName%20eq%20ana.secret%40example.com",
		"in brackets":        `{"user":"<ana.secret@example.com>"}`,
	}
	check := func(t *testing.T, name, act string, err error) {
		t.Helper()
		for e := err; e != nil; e = errors.Unwrap(e) {
			for _, text := range []string{e.Error(), fmt.Sprintf("%+v", e), fmt.Sprintf("%#v", e)} {
				low, secret := strings.ToLower(text), strings.ToLower(secretToken)
				for i := range len(secret) - 8 {
					if strings.Contains(low, secret[i:i+8]) {
						t.Fatalf("%s: %s: the token shows in %s", name, act, text)
					}
				}
				for encoding, decode := range map[string]func(string) string{"base64": fromBase64, "hexadecimal": fromHex} {
					if decoded := strings.ToLower(decode(text)); strings.Contains(decoded, secret[4:12]) {
						t.Fatalf("%s: %s: the token shows in %s in %s", name, act, encoding, text)
					}
				}
				if strings.Contains(text, formerToken) || strings.Contains(text, "/Users") {
					t.Fatalf("%s: %s: another token or the address of the request shows in %s", name, act, text)
				}
				if strings.Contains(text, "ana") || strings.Contains(text, "example.com") {
					t.Fatalf("%s: %s: an address shows in %s", name, act, text)
				}
				if len(text) > 1200 {
					t.Fatalf("%s: %s: an error of %d bytes", name, act, len(text))
				}
			}
		}
	}
	for name, text := range bad {
		answers := []*scim.Client{
			answering(400, nil, scimError(400, "invalidValue", text)), answering(401, nil, scimError(401, text, text)),
			answering(500, nil, fmt.Sprintf(`{"message":%q}`, text)), answering(404, http.Header{"Content-Type": {"text/html"}}, text),
			scim.New(connection(), fixed(secretToken), &scim.Options{Transport: roundTrip(func(*http.Request) (*http.Response, error) {
				return nil, &net.OpError{Op: "dial", Err: errors.New(text)}
			})}),
		}
		for _, client := range answers {
			for act, do := range acts {
				err := do(t.Context(), client)
				if err == nil {
					t.Fatalf("%s: %s: no error to look at", name, act)
				}
				check(t, name, act, err)
			}
			if text := fmt.Sprintf("%v %+v %#v", client, client, client); strings.Contains(text, secretToken) {
				t.Errorf("the client prints its token: %s", text)
			}
		}
	}
}

// fromBase64 decodes every word of a text from wherever it may begin.
func fromBase64(text string) string {
	var all strings.Builder
	for _, word := range strings.Fields(strings.NewReplacer("-", "+", "_", "/", "=", "").Replace(text)) {
		for skip := range min(4, len(word)) {
			part := word[skip : len(word)-(len(word)-skip)%4]
			decoded, _ := base64.StdEncoding.DecodeString(part) // as far as it goes
			all.Write(decoded)
		}
	}
	return all.String()
}

func fromHex(text string) string {
	var all strings.Builder
	for _, word := range strings.Fields(text) {
		decoded, _ := hex.DecodeString(word) // as far as it goes
		all.Write(decoded)
	}
	return all.String()
}

func TestTokensThatCannotBeSent(t *testing.T) {
	t.Parallel()
	sent := roundTrip(func(*http.Request) (*http.Response, error) { t.Error("something was sent"); return nil, io.EOF })
	tests := map[string]struct {
		value secrets.Value
		err   error
		want  fault.Kind
	}{
		"empty":         {secrets.NewValue(""), nil, fault.Unauthorized},
		"line break":    {secrets.NewValue("abc\r\nX-Evil: 1"), nil, fault.Unauthorized},
		"not stored":    {secrets.Value{}, fault.New(fault.NotFound, "secrets: read", "none"), fault.Unauthorized},
		"store is down": {secrets.Value{}, fault.New(fault.Throttled, "secrets: read", "later"), fault.Unavailable},
	}
	for name, test := range tests {
		client := scim.New(connection(), func(context.Context) (secrets.Value, error) { return test.value, test.err }, &scim.Options{Transport: sent})
		for act, do := range acts {
			if err := do(t.Context(), client); !fault.Is(err, test.want) || strings.Contains(err.Error(), "Evil") {
				t.Errorf("%s: %s: %v, want %v", name, act, err, test.want)
			}
		}
	}
}

// A token follows no redirect, neither to another host nor on this one.
func TestRedirectsAreNotFollowed(t *testing.T) {
	t.Parallel()
	var reached atomic.Int32
	thief := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		reached.Add(1)
		fmt.Fprint(w, `{"id":"a1","totalResults":0}`)
	}))
	defer thief.Close()
	for _, status := range []int{301, 302, 303, 307, 308} {
		door := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, thief.URL, status)
		}))
		c := connection()
		c.BaseURL, c.UpdateMethod = door.URL, scim.MethodPatch
		client := scim.New(c, fixed(secretToken), nil)
		for act, do := range acts {
			if err := do(t.Context(), client); !fault.Is(err, fault.Unavailable) {
				t.Errorf("%d: %s: %v, want fault.Unavailable", status, act, err)
			}
		}
		door.Close()
	}
	if n := reached.Load(); n != 0 {
		t.Errorf("%d calls were led to another host", n)
	}
}
