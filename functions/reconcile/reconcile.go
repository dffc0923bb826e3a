// Package reconcile is the function that looks at one user: what Cloud Tasks
// delivers to.
//
// It promises that only Cloud Tasks is heard, by the token of our own account,
// and that the answer says whether to deliver again. It decides nothing: a task
// says only "look at this user again".
package reconcile

import (
	"net/http"
	"os"

	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/functions/internal/edge"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

// Target is the function's name.
const Target = "reconcile"

func init() { edge.Register(Target, New) }

// Settings are what the function is deployed with: those of
// edge.Reader.Directory and AUTOPROVISION_LOG_LEVEL. Its own address, which the
// tokens of its callers are for, is Cloud.ReconcileURL, and their account Cloud.TasksAccount.
type Settings struct{ Cloud googlecloud.Config }

// New returns the function.
func New(getenv func(string) string, o googlecloud.Outside) (http.Handler, error) {
	r := edge.Read(getenv)
	s := Settings{Cloud: r.Directory()}
	log := r.Log(os.Stderr, s.Cloud.Project)
	if err := r.Err(); err != nil {
		return nil, err
	}
	tokens, err := edge.NewTokens(o.Keys)
	if err != nil {
		return nil, err
	}
	door := tokens.Accounts(s.Cloud.ReconcileURL, s.Cloud.TasksAccount)
	return edge.Machine(s.Cloud, o, log, googlecloud.ReconcileTime, door, (*endpoint.Endpoints).Reconcile), nil
}
