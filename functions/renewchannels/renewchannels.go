// Package renewchannels is the function that keeps the directory's push channels
// open, asks for a sweep that failed or was lost, and writes to the log how every
// source of changes does: what Cloud Scheduler asks every few minutes.
//
// It promises that only Cloud Scheduler is heard, by the token of our own
// account. What it misses, the next sweep sees.
package renewchannels

import (
	"net/http"
	"os"
	"time"

	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/functions/internal/edge"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

// Target is the function's name.
const Target = "renew-channels"

func init() { edge.Register(Target, New) }

// Settings are what the function is deployed with: those of
// edge.Reader.Directory, AUTOPROVISION_LOG_LEVEL, AUTOPROVISION_PUSH_URL (the
// address of directory-push, in Cloud.PushURL) and these.
type Settings struct {
	Cloud googlecloud.Config
	// URL is AUTOPROVISION_RENEW_URL: the function's own address, which the
	// tokens of its callers are for.
	URL string
	// Scheduler is AUTOPROVISION_SCHEDULER_ACCOUNT: the service account that signs the schedule's requests.
	Scheduler string
}

// requestTime bounds one renewal, of five channels at most.
const requestTime = 2 * time.Minute

// New returns the function.
func New(getenv func(string) string, o googlecloud.Outside) (http.Handler, error) {
	r := edge.Read(getenv)
	s := Settings{Cloud: r.Directory(), URL: r.URL("RENEW_URL"), Scheduler: r.Account("SCHEDULER_ACCOUNT")}
	s.Cloud.PushURL = r.URL("PUSH_URL")
	log := r.Log(os.Stderr, s.Cloud.Project)
	if err := r.Err(); err != nil {
		return nil, err
	}
	tokens, err := edge.NewTokens(o.Keys)
	if err != nil {
		return nil, err
	}
	return edge.Machine(s.Cloud, o, log, requestTime, tokens.Accounts(s.URL, s.Scheduler), (*endpoint.Endpoints).RenewChannels), nil
}
