// Package console is the function that administrators use: the pages, and the
// API below /api/v1.
//
// It promises that only super administrators of the directory are let in, as
// Google says who they are and the directory says what they are, and that both
// hold at each request, a minute late at most. A visitor who shows nothing costs
// no call of a cloud service. Those who make up a session or the half of a
// sign-in, which only a key of ours or Google can tell, cost one reading of that
// key a minute together, and a question to Google each, a few at a time. It
// decides nothing: package admin does what an administrator asks for.
package console

import (
	"context"
	"net/http"
	"os"
	"time"

	"example.com/autoprovision/functions/console/api"
	"example.com/autoprovision/functions/console/pages"
	"example.com/autoprovision/functions/internal/edge"
	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

// Target is the function's name.
const Target = "console"

func init() { edge.Register(Target, New) }

// Settings are what the function is deployed with: those of
// edge.Reader.Directory, AUTOPROVISION_LOG_LEVEL, AUTOPROVISION_PUSH_URL (the
// address of directory-push, in Cloud.PushURL), AUTOPROVISION_SCIM_URL (the
// app's base URL until an administrator sets another, in Cloud.SCIMURL; it may
// be missing) and these.
type Settings struct {
	Cloud googlecloud.Config
	// URL is AUTOPROVISION_CONSOLE_URL: where the console is, at a host of its own.
	// URL and /sign-in/callback is the redirect URI of the OAuth client, whose file
	// is in Secret Manager: it can only be made when the address is known.
	URL string
}

// requestTime bounds one request: turning off waits for operations under way,
// for the life of a lease.
const requestTime = 5 * time.Minute

// New returns the function.
func New(getenv func(string) string, o googlecloud.Outside) (http.Handler, error) {
	r := edge.Read(getenv)
	s := Settings{Cloud: r.Directory(), URL: r.Origin("CONSOLE_URL")}
	s.Cloud.PushURL, s.Cloud.SCIMURL = r.URL("PUSH_URL"), r.ServiceURL("SCIM_URL")
	log := r.Log(os.Stderr, s.Cloud.Project)
	if err := r.Err(); err != nil {
		return nil, err
	}
	tokens, err := edge.NewTokens(o.Keys)
	if err != nil {
		return nil, err
	}
	return &edge.Function{Log: log, Time: requestTime, Door: anybody, Open: func(ctx context.Context) (http.Handler, error) {
		system, err := googlecloud.Open(ctx, s.Cloud, o, log)
		if err != nil {
			return nil, err
		}
		who := newAdministrators(system.Administrators, customer(system.Admin), system.Admin.Init, system.Now)
		google := newGoogle(s, o, tokens, who, system.Secrets)
		mux := http.NewServeMux()
		mux.Handle("/api/v1/", api.Behind(system.Admin, google.door))
		mux.Handle("/", pages.New(pages.Options{Service: system.Admin, SignIn: google, SessionKey: google.sessionKey, Secure: true}))
		return httpsOnly(mux), nil
	}}, nil
}

// customer returns the customer of the scope that is stored.
func customer(s *admin.Service) func(context.Context) (string, error) {
	return func(ctx context.Context) (string, error) {
		c, err := s.Configuration(ctx)
		if err != nil || c.Scope == nil {
			return "", err
		}
		return c.Scope.CustomerID, nil
	}
}

// anybody lets in every request as far as the pages and the API, each of which
// has a door of its own: one answers with a page, the other with a problem.
// Until somebody has proved who they are, neither asks a service of anything.
func anybody(*http.Request) error { return nil }

// httpsOnly tells browsers never to try this host without https (RFC 6797).
func httpsOnly(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Strict-Transport-Security", "max-age=31536000")
		next.ServeHTTP(w, r)
	})
}
