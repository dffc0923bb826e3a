package workspace_test

import (
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/fault"
)

// TestKeyClient plays the token endpoint: it must be asked for exactly the
// read-only scopes, on behalf of the administrator, and its refusal must not
// show in an error.
func TestKeyClient(t *testing.T) {
	t.Parallel()
	var claims struct{ Scope, Sub string }
	refuse := false
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path != "/token" {
			if r.Header.Get("Authorization") != "Bearer access" {
				t.Errorf("authorization %q", r.Header.Get("Authorization"))
			}
			http.Error(w, refusal(404, "notFound"), http.StatusNotFound)
			return
		}
		if refuse {
			http.Error(w, `{"error":"unauthorized_client","error_description":"about admin@example.com"}`, http.StatusUnauthorized)
			return
		}
		payload, err := base64.RawURLEncoding.DecodeString(strings.Split(r.FormValue("assertion"), ".")[1])
		if err == nil {
			err = json.Unmarshal(payload, &claims)
		}
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/json")
		_, _ = w.Write([]byte(`{"access_token":"access","token_type":"Bearer","expires_in":3600}`))
	}))
	t.Cleanup(server.Close)
	key := serviceAccountKey(t, server.URL+"/token")
	read := func() error {
		hc, err := workspace.KeyClient(t.Context(), key, "admin@example.com")
		if err != nil {
			t.Fatal(err)
		}
		client, err := workspace.New(t.Context(), hc, &workspace.Options{BaseURL: server.URL})
		if err != nil {
			t.Fatal(err)
		}
		_, err = client.User(t.Context(), "1")
		return err
	}
	if err := read(); !fault.Is(err, fault.NotFound) {
		t.Errorf("got %v", err)
	}
	if claims.Sub != "admin@example.com" || claims.Scope != strings.Join(workspace.Scopes(), " ") {
		t.Errorf("claims %+v", claims)
	}
	for _, scope := range workspace.Scopes() {
		if !strings.HasSuffix(scope, ".readonly") {
			t.Errorf("%s can write", scope)
		}
	}
	refuse = true
	if err := read(); !fault.Is(err, fault.Unauthorized) || strings.Contains(err.Error(), "@") {
		t.Errorf("got %v", err)
	}
}

func TestCredentialsRefused(t *testing.T) {
	t.Parallel()
	if _, err := workspace.KeyClient(t.Context(), []byte(`{"type":"authorized_user","private_key":"secret"}`), "admin@example.com"); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "secret") {
		t.Errorf("got %v", err)
	}
	if _, err := workspace.KeyClient(t.Context(), serviceAccountKey(t, "https://token.invalid/"), ""); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a subject: got %v", err)
	}
	if _, err := workspace.ImpersonatedClient(t.Context(), "", "admin@example.com"); !fault.Is(err, fault.Invalid) {
		t.Errorf("without a service account: got %v", err)
	}
}

func serviceAccountKey(t *testing.T, tokenURL string) []byte {
	t.Helper()
	private, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		t.Fatal(err)
	}
	key, err := json.Marshal(map[string]string{
		"type": "service_account", "client_email": "sa@project.iam.gserviceaccount.com", "private_key_id": "1", "token_uri": tokenURL,
		"private_key": string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
	})
	if err != nil {
		t.Fatal(err)
	}
	return key
}
