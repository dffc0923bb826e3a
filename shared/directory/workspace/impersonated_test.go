package workspace

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/oauth2"

	"example.com/autoprovision/shared/fault"
)

// way is a way to Google that a test plays.
type way func(r *http.Request) (status int, body string)

func (w way) RoundTrip(r *http.Request) (*http.Response, error) {
	status, body := w(r)
	return &http.Response{StatusCode: status, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body)), Request: r}, nil
}

const (
	signs     = "https://iamcredentials.googleapis.com/v1/projects/-/serviceAccounts/ap-directory@p.iam.gserviceaccount.com:signJwt"
	exchanges = "https://oauth2.googleapis.com/token"
)

// TestImpersonated plays Google's two services: the account's key signs for the
// administrator and the scopes that are to be authorised, nothing more, and what
// is got for the signature is what the directory is read with.
func TestImpersonated(t *testing.T) {
	t.Parallel()
	var claims map[string]any
	asked := map[string]int{}
	google := way(func(r *http.Request) (int, string) {
		asked[r.URL.String()]++
		switch r.URL.String() {
		case signs:
			if got := r.Header.Get("Authorization"); got != "Bearer of the function" {
				t.Errorf("signed for %q", got)
			}
			var in struct{ Payload string }
			if err := json.NewDecoder(r.Body).Decode(&in); err != nil {
				t.Error(err)
			}
			if err := json.Unmarshal([]byte(in.Payload), &claims); err != nil {
				t.Error(err)
			}
			return http.StatusOK, `{"keyId":"1","signedJwt":"signed"}`
		case exchanges:
			if got := r.PostFormValue("assertion"); got != "signed" {
				t.Errorf("the assertion is %q", got)
			}
			return http.StatusOK, `{"access_token":"delegated","token_type":"Bearer","expires_in":3600}`
		}
		t.Errorf("asked %s", r.URL)
		return http.StatusNotFound, ""
	})
	directory := httptest.NewServer(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		if got := r.Header.Get("Authorization"); got != "Bearer delegated" {
			t.Errorf("the directory is read with %q", got)
		}
	}))
	t.Cleanup(directory.Close)
	client := byWay(t, google)
	for range 2 {
		answer, err := client.Get(directory.URL)
		if err != nil {
			t.Fatal(err)
		}
		_ = answer.Body.Close()
	}
	if life, _ := claims["exp"].(float64); life-claims["iat"].(float64) != 3600 {
		t.Errorf("signed for %v s", life)
	}
	delete(claims, "exp")
	delete(claims, "iat")
	want := map[string]any{"iss": "ap-directory@p.iam.gserviceaccount.com", "sub": "admin@example.com", "aud": exchanges, "scope": strings.Join(Scopes(), " ")}
	if diff := cmp.Diff(want, claims); diff != "" {
		t.Errorf("to sign - and signed +:\n%s", diff)
	}
	if diff := cmp.Diff(map[string]int{signs: 1, exchanges: 1}, asked); diff != "" {
		t.Errorf("one token is not used for both requests:\n%s", diff)
	}
}

func byWay(t *testing.T, google way) *http.Client {
	t.Helper()
	base := oauth2.StaticTokenSource(&oauth2.Token{AccessToken: "of the function"})
	client, err := impersonated(t.Context(), base, google, "ap-directory@p.iam.gserviceaccount.com", "admin@example.com")
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// TestImpersonatedRefused has either service refuse or fail: what a person has to
// put in order is told from what passes by itself, and neither quotes an answer.
func TestImpersonatedRefused(t *testing.T) {
	t.Parallel()
	for _, at := range []string{signs, exchanges} {
		for status, want := range map[int]fault.Kind{
			http.StatusBadRequest: fault.Unauthorized, http.StatusUnauthorized: fault.Unauthorized, http.StatusForbidden: fault.Unauthorized,
			http.StatusTooManyRequests: fault.Unavailable, http.StatusInternalServerError: fault.Unavailable, http.StatusServiceUnavailable: fault.Unavailable,
		} {
			client := byWay(t, func(r *http.Request) (int, string) {
				if r.URL.String() == at {
					return status, `{"error":"unauthorized_client","error_description":"about admin@example.com"}`
				}
				return http.StatusOK, `{"signedJwt":"signed"}`
			})
			_, err := client.Get("http://directory.invalid/")
			if !fault.Is(err, want) || strings.Contains(err.Error(), "admin@") {
				t.Errorf("%d of %s: %v, want %s", status, at, err, want)
			}
		}
	}
}
