package workspace

import (
	"context"
	"errors"
	"net/http"
	"strings"
	"time"

	"golang.org/x/oauth2"
	"golang.org/x/oauth2/google"
	admin "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/impersonate"
	"google.golang.org/api/option"

	"example.com/autoprovision/shared/fault"
)

// tokenTimeout bounds one request for an access token.
const tokenTimeout = 30 * time.Second

// Scopes are what a super administrator must authorise for the service
// account's client id, all of them: Google refuses a token request that lists
// one scope too many as a whole. They read and do nothing else; users.watch
// and channels.stop need no more.
func Scopes() []string {
	return []string{
		admin.AdminDirectoryUserReadonlyScope,
		admin.AdminDirectoryGroupReadonlyScope,
		admin.AdminDirectoryGroupMemberReadonlyScope,
		admin.AdminDirectoryOrgunitReadonlyScope,
		admin.AdminDirectoryDomainReadonlyScope,
		admin.AdminDirectoryUserschemaReadonlyScope,
	}
}

// KeyClient returns an HTTP client that acts as the administrator subject by
// domain-wide delegation, with the JSON key of a service account.
func KeyClient(ctx context.Context, key []byte, subject string) (*http.Client, error) {
	const op = "workspace: read service account key"
	if subject == "" {
		return nil, fault.New(fault.Invalid, op, "the address of the administrator to act as is missing")
	}
	config, err := google.JWTConfigFromJSON(key, Scopes()...)
	if err != nil {
		// The cause may quote the key.
		return nil, fault.New(fault.Invalid, op, "the file is not the JSON key of a service account")
	}
	config.Subject = subject
	ctx = context.WithValue(ctx, oauth2.HTTPClient, &http.Client{Timeout: tokenTimeout})
	return authorized(config.TokenSource(ctx)), nil
}

// ImpersonatedClient returns an HTTP client that acts as the administrator
// subject by domain-wide delegation without a key: the application default
// credentials sign as serviceAccount, on which they need the role
// roles/iam.serviceAccountTokenCreator.
func ImpersonatedClient(ctx context.Context, serviceAccount, subject string) (*http.Client, error) {
	const op = "workspace: find credentials"
	if serviceAccount == "" || subject == "" {
		return nil, fault.New(fault.Invalid, op, "the service account, or the address of the administrator to act as, is missing")
	}
	base, err := google.DefaultTokenSource(ctx, admin.CloudPlatformScope)
	if err != nil {
		return nil, fault.New(fault.Invalid, op, "there are no application default credentials")
	}
	return impersonated(ctx, base, nil, serviceAccount, subject)
}

// impersonated is ImpersonatedClient for given credentials, and a way to Google
// that is the usual one when nil.
func impersonated(ctx context.Context, base oauth2.TokenSource, way http.RoundTripper, serviceAccount, subject string) (*http.Client, error) {
	signer := &http.Client{Transport: &oauth2.Transport{Source: base, Base: way}, Timeout: tokenTimeout}
	source, err := impersonate.CredentialsTokenSource(ctx, impersonate.CredentialsConfig{
		TargetPrincipal: serviceAccount,
		Subject:         subject,
		Scopes:          Scopes(),
	}, option.WithHTTPClient(signer))
	if err != nil {
		return nil, fault.Wrap(fault.Invalid, "workspace: impersonate", err)
	}
	return authorized(source), nil
}

func authorized(source oauth2.TokenSource) *http.Client {
	return &http.Client{Transport: &oauth2.Transport{Source: oauth2.ReuseTokenSource(nil, tokenSource{source})}}
}

// tokenSource gives the errors of another a kind, without the answers that they quote.
type tokenSource struct{ next oauth2.TokenSource }

// Token implements oauth2.TokenSource.
func (t tokenSource) Token() (*oauth2.Token, error) {
	const op = "workspace: get access token"
	token, err := t.next.Token()
	if err == nil {
		return token, nil
	}
	if refused, ok := errors.AsType[*oauth2.RetrieveError](err); ok && refused.Response != nil {
		if s := refused.Response.StatusCode; s >= 400 && s < 500 && s != http.StatusTooManyRequests {
			return nil, fault.New(fault.Unauthorized, op, "refused; are the delegation, its scopes and the administrator in order?")
		}
	} else if text := err.Error(); strings.HasPrefix(text, "impersonate: status code 4") && !strings.Contains(text, "code 429") {
		// Package impersonate has no error type.
		return nil, fault.New(fault.Unauthorized, op, "refused; are the delegation, its scopes, the administrator and the token creator role in order?")
	}
	return nil, fault.New(fault.Unavailable, op, "no access token could be had")
}
