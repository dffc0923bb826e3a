// Package directorypush is the function that hears the directory's push
// notifications.
//
// It promises to answer 204 only when the look that a notification asks for is
// durably enqueued, or nothing is to be done. The directory signs nothing, so
// anybody can reach it: what it believes is the token that our own channel
// carries, and all that it does is ask for looks. It reads no directory and no
// app, and its account may do neither.
package directorypush

import (
	"net/http"
	"os"
	"time"

	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/functions/internal/edge"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

// Target is the function's name.
const Target = "directory-push"

func init() { edge.Register(Target, New) }

// Settings are what the function is deployed with: those of edge.Reader.Cloud
// and AUTOPROVISION_LOG_LEVEL.
type Settings struct{ Cloud googlecloud.Config }

// requestTime bounds one notification.
const requestTime = 30 * time.Second

// New returns the function.
func New(getenv func(string) string, o googlecloud.Outside) (http.Handler, error) {
	r := edge.Read(getenv)
	s := Settings{Cloud: r.Cloud()}
	log := r.Log(os.Stderr, s.Cloud.Project)
	if err := r.Err(); err != nil {
		return nil, err
	}
	return edge.Machine(s.Cloud, o, log, requestTime, carriesToken, (*endpoint.Endpoints).DirectoryPush), nil
}

// maxToken is the longest token that a channel can carry
// (developers.google.com/workspace/admin/directory/v1/guides/push).
const maxToken = 256

// carriesToken turns away what cannot be a notification; whether the token is
// ours is compared behind the door, where ours is kept.
func carriesToken(r *http.Request) error {
	token := r.Header.Get("X-Goog-Channel-Token")
	if r.Method != http.MethodPost || token == "" || len(token) > maxToken || r.Header.Get("X-Goog-Channel-Id") == "" {
		return fault.New(fault.Unauthorized, "directory-push: caller", "this is no notification of a channel with a token")
	}
	return nil
}
