// Package sweep is the function that compares the whole directory with the
// accounts, and makes previews: what Cloud Scheduler asks and Cloud Tasks
// delivers to.
//
// It promises that only those two are heard, by the tokens of our own accounts,
// and that a sweep longer than one request goes on in the next. It changes
// nothing in the app itself.
package sweep

import (
	"net/http"
	"os"

	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/functions/internal/edge"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

// Target is the function's name.
const Target = "sweep"

func init() { edge.Register(Target, New) }

// Settings are what the function is deployed with: those of
// edge.Reader.Directory, AUTOPROVISION_LOG_LEVEL and these. Its own address,
// which the tokens of its callers are for, is Cloud.SweepURL, and one of their
// accounts Cloud.TasksAccount.
type Settings struct {
	Cloud googlecloud.Config
	// Scheduler is AUTOPROVISION_SCHEDULER_ACCOUNT: the service account that signs the schedule's requests.
	Scheduler string
}

// New returns the function.
func New(getenv func(string) string, o googlecloud.Outside) (http.Handler, error) {
	r := edge.Read(getenv)
	s := Settings{Cloud: r.Directory(), Scheduler: r.Account("SCHEDULER_ACCOUNT")}
	log := r.Log(os.Stderr, s.Cloud.Project)
	if err := r.Err(); err != nil {
		return nil, err
	}
	tokens, err := edge.NewTokens(o.Keys)
	if err != nil {
		return nil, err
	}
	door := tokens.Accounts(s.Cloud.SweepURL, s.Cloud.TasksAccount, s.Scheduler)
	return edge.Machine(s.Cloud, o, log, googlecloud.SweepTime, door, (*endpoint.Endpoints).Sweep), nil
}
