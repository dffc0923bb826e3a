package api

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
)

// Door says which administrator sends a request. Errors: fault.Unauthorized,
// with words on what to send, for anybody else; another kind when that cannot
// be known now.
type Door func(r *http.Request) (person string, err error)

// Token is the door for who sends a token (RFC 6750 section 2.1). The
// comparison takes the same time whatever was sent, of whatever length.
func Token(token secrets.Value) Door {
	want := sha256.Sum256([]byte(token.Reveal()))
	return func(r *http.Request) (string, error) {
		scheme, sent, _ := strings.Cut(r.Header.Get("Authorization"), " ")
		got := sha256.Sum256([]byte(sent))
		same := subtle.ConstantTimeCompare(got[:], want[:]) == 1
		if !same || !strings.EqualFold(scheme, "Bearer") || token.Empty() {
			return "", fault.New(fault.Unauthorized, "", "send the administrator's token, as in: Authorization: Bearer <token>")
		}
		return "", nil
	}
}

// enter returns a request that may go on, in the name of who sent it; ok is false
// for one that may not, which it has answered.
func (a *api) enter(w http.ResponseWriter, r *http.Request) (_ *http.Request, ok bool) {
	if r.URL.Path == documentPath {
		return r, true
	}
	person, err := a.door(r)
	switch {
	case fault.Is(err, fault.Unauthorized):
		w.Header().Set("WWW-Authenticate", `Bearer realm="autoprovision"`)
		write(w, newProblem(http.StatusUnauthorized, fault.Words(err)))
		return nil, false
	case err != nil:
		a.service.Log.WarnContext(r.Context(), "administrator not known", "kind", fault.KindOf(err).String(), "error", err.Error())
		write(w, newProblem(http.StatusServiceUnavailable, "it could not be found out whether you are an administrator: try again in a while"))
		return nil, false
	}
	if _, pattern := a.mux.Handler(r); r.Method != http.MethodGet && pattern != "" {
		a.service.Log.InfoContext(r.Context(), "administrator acts", "person", person, "call", pattern)
	}
	return r.WithContext(admin.As(r.Context(), person)), true
}
