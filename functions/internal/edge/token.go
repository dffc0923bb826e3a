package edge

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
	"time"

	"google.golang.org/api/idtoken"
	"google.golang.org/api/option"

	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/shared/fault"
)

const (
	// maxToken bounds a token, in bytes; Google's have about one thousand.
	maxToken = 8 << 10
	// skew is by how much the clock of who issues tokens may run ahead of ours.
	skew = time.Minute
	// keyTime bounds the fetching of Google's keys.
	keyTime = 10 * time.Second
	// removed is what Cloud Run leaves of a signature that it has verified itself
	// (cloud.google.com/run/docs/troubleshooting#signature-removed).
	removed = "SIGNATURE_REMOVED_BY_GOOGLE"
)

// Tokens verifies ID tokens that Google has issued. It is safe for concurrent use.
type Tokens struct {
	keys *idtoken.Validator
	now  func() time.Time
}

// NewTokens returns it; keys fetches the keys that tokens are signed with, nil
// for Google's own. It makes no request.
func NewTokens(keys *http.Client) (*Tokens, error) {
	if keys == nil {
		keys = &http.Client{Timeout: keyTime}
	}
	validator, err := idtoken.NewValidator(context.Background(), option.WithHTTPClient(keys))
	if err != nil {
		return nil, fault.Wrap(fault.Internal, "edge: new validator", err)
	}
	return &Tokens{keys: validator, now: time.Now}, nil
}

// Claims are what a verified token says.
type Claims struct {
	// Subject is who the token stands for, for good; Email may change hands.
	Subject string `json:"sub"`
	Email   string `json:"email"`
	// Domain is the Workspace customer's, empty for accounts outside of one.
	Domain string `json:"hd"`
	Nonce  string `json:"nonce"`

	Verified bool    `json:"email_verified"`
	Issuer   string  `json:"iss"`
	Audience string  `json:"aud"`
	IssuedAt float64 `json:"iat"`
	NotYet   float64 `json:"nbf"`
	Expires  float64 `json:"exp"`
}

// Accounts is the door for requests that one of the service accounts has
// signed, for exactly the audience.
func (t *Tokens) Accounts(audience string, accounts ...string) endpoint.Caller {
	return func(r *http.Request) error {
		token, err := Bearer(r)
		if err != nil {
			return err
		}
		_, err = t.Verify(r.Context(), token, func(c Claims) (string, error) {
			if !slices.Contains(accounts, c.Email) {
				return "", refuse("the token is of an account that may not call this")
			}
			return audience, nil
		})
		return err
	}
}

// Verify returns the claims of a token for the audience that allow names, if it
// lets them pass; fault.Unauthorized for every other token. What needs no key is
// checked first, so that a forged token costs nobody a request.
func (t *Tokens) Verify(ctx context.Context, token string, allow func(Claims) (audience string, err error)) (Claims, error) {
	claims, err := t.claims(token)
	if err == nil {
		err = t.check(claims)
	}
	if err != nil {
		return Claims{}, err
	}
	audience, err := allow(claims)
	switch {
	case err != nil:
		return Claims{}, err
	case audience == "" || claims.Audience != audience:
		return Claims{}, refuse("the token is for another audience")
	}
	// Package idtoken checks the signature, the expiry and the audience, and of
	// the issuer, the account and the rest nothing.
	if _, err := t.keys.Validate(ctx, token, audience); err != nil {
		return Claims{}, refuse("the token's signature is not Google's, or could not be checked")
	}
	return claims, nil
}

// claims reads what a token says, before anything says that it is true.
func (t *Tokens) claims(token string) (Claims, error) {
	parts := strings.Split(token, ".")
	if len(token) > maxToken || len(parts) != 3 {
		return Claims{}, refuse("there is no token of three parts")
	}
	if parts[2] == removed {
		return Claims{}, refuse("Cloud Run has removed the token's signature: deploy the function without the invoker check, which this one takes the place of")
	}
	var header struct {
		Algorithm string `json:"alg"`
	}
	var claims Claims
	if !decodePart(parts[0], &header) || !decodePart(parts[1], &claims) {
		return Claims{}, refuse("the token is not one")
	}
	// Google signs ID tokens by RSA. Package idtoken would take IAP's elliptic
	// curves as well, and panics at a short signature of that kind.
	if header.Algorithm != "RS256" {
		return Claims{}, refuse("the token is signed in a way that Google's are not")
	}
	return claims, nil
}

// check holds the claims against what each token of Google's has.
func (t *Tokens) check(c Claims) error {
	now, latest := float64(t.now().Unix()), float64(t.now().Add(skew).Unix())
	switch {
	case c.Issuer != "https://accounts.google.com" && c.Issuer != "accounts.google.com":
		return refuse("the token is of another issuer")
	case c.Expires <= now:
		return refuse("the token has expired")
	case c.IssuedAt <= 0 || c.IssuedAt > latest || c.NotYet > latest:
		return refuse("the token is not valid yet")
	case c.Subject == "" || c.Email == "" || !c.Verified:
		return refuse("the token is of nobody whose address is verified")
	}
	return nil
}

func decodePart(part string, into any) bool {
	data, err := base64.RawURLEncoding.DecodeString(part)
	return err == nil && json.Unmarshal(data, into) == nil
}

// Bearer is the token that a request carries (RFC 6750 section 2.1).
func Bearer(r *http.Request) (string, error) {
	sent := r.Header.Values("Authorization")
	if len(sent) != 1 {
		return "", refuse("there is no token, or more than one")
	}
	scheme, token, _ := strings.Cut(sent[0], " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" {
		return "", refuse("there is no bearer token")
	}
	return token, nil
}

func refuse(why string) error { return fault.New(fault.Unauthorized, "edge: verify token", "%s", why) }
