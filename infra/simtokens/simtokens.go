// Package simtokens issues ID tokens as Google does, signed with a key of its
// own, and serves that key in the form in which Google serves its keys.
//
// It promises that whoever verifies tokens by Keys or Handler takes those of
// this issuer and of no other; and that what Google's tokens have, these have,
// unless a test says otherwise. It is for tests: nothing that is deployed can be
// made to take its key.
package simtokens

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"io"
	"math/big"
	"net/http"
	"strings"
	"time"
)

// KeyID is the id of the one key.
const KeyID = "simulated"

// Issuer is one issuer with one key.
type Issuer struct{ key *rsa.PrivateKey }

// New returns an issuer with a key made this moment.
func New() *Issuer {
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	if err != nil {
		panic("simtokens: " + err.Error())
	}
	return &Issuer{key}
}

// Claims are what a token says, by the names of the claims.
type Claims map[string]any

// Account is what a token says that Google issues for a service account
// (cloud.google.com/docs/authentication/token-types#identity).
func Account(email, audience string) Claims {
	now := time.Now()
	return Claims{"iss": "https://accounts.google.com", "aud": audience, "sub": "1" + email, "azp": "1" + email,
		"email": email, "email_verified": true, "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
}

// With returns the claims with one of them set, or left out when value is nil.
func (c Claims) With(name string, value any) Claims {
	changed := Claims{}
	for k, v := range c {
		changed[k] = v
	}
	if changed[name] = value; value == nil {
		delete(changed, name)
	}
	return changed
}

// Token signs claims.
func (i *Issuer) Token(c Claims) string {
	return i.SignAs(map[string]any{"alg": "RS256", "kid": KeyID, "typ": "JWT"}, c)
}

// SignAs signs claims under a header that may say anything.
func (i *Issuer) SignAs(header map[string]any, c Claims) string {
	text := Part(header) + "." + Part(c)
	sum := sha256.Sum256([]byte(text))
	signature, err := rsa.SignPKCS1v15(nil, i.key, crypto.SHA256, sum[:])
	if err != nil {
		panic("simtokens: " + err.Error())
	}
	return text + "." + base64.RawURLEncoding.EncodeToString(signature)
}

// Part is one part of a token.
func Part(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		panic("simtokens: " + err.Error())
	}
	return base64.RawURLEncoding.EncodeToString(data)
}

// Public is the key as JSON, as a set of one (RFC 7517).
func (i *Issuer) Public() []byte {
	exponent := big.NewInt(int64(i.key.E)).Bytes()
	data, err := json.Marshal(map[string]any{"keys": []map[string]string{{"kid": KeyID, "kty": "RSA", "alg": "RS256", "use": "sig",
		"n": base64.RawURLEncoding.EncodeToString(i.key.N.Bytes()), "e": base64.RawURLEncoding.EncodeToString(exponent)}}})
	if err != nil {
		panic("simtokens: " + err.Error())
	}
	return data
}

// ServeHTTP serves the key.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "public, max-age=3600")
	_, _ = w.Write(i.Public()) // a caller who is gone needs no key
}

// Keys answers every request with the key, without a network.
func (i *Issuer) Keys() *http.Client { return &http.Client{Transport: fixed(i.Public())} }

type fixed []byte

func (f fixed) RoundTrip(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Cache-Control": {"max-age=3600"}},
		Body: io.NopCloser(bytes.NewReader(f)), Request: r}, nil
}

// Verify returns the claims of a token of this issuer that has not expired; ok
// is false for any other. It is for a test's own judgement of what others let in.
func (i *Issuer) Verify(token string) (c Claims, ok bool) {
	parts := strings.Split(token, ".")
	if len(parts) != 3 {
		return nil, false
	}
	signature, err := base64.RawURLEncoding.DecodeString(parts[2])
	sum := sha256.Sum256([]byte(parts[0] + "." + parts[1]))
	if err != nil || rsa.VerifyPKCS1v15(&i.key.PublicKey, crypto.SHA256, sum[:], signature) != nil {
		return nil, false
	}
	data, err := base64.RawURLEncoding.DecodeString(parts[1])
	if err != nil || json.Unmarshal(data, &c) != nil {
		return nil, false
	}
	expires, _ := c["exp"].(float64)
	return c, float64(time.Now().Unix()) < expires
}
