// Package auditevent is the function that hears Google's audit log, as
// CloudEvents or as Pub/Sub pushes them.
//
// It promises to answer 204 only when all that follows from a message is durably
// enqueued, or nothing makes sense of it; with anything else Pub/Sub sends the
// message again and, when that does not help, puts it aside as a dead letter. It
// is registered as an HTTP function, since the framework shows no CloudEvent
// function the token that its caller is verified by. It takes nothing away: a
// message is a hint.
package auditevent

import (
	"net/http"
	"os"
	"time"

	"example.com/autoprovision/functions/endpoint"
	"example.com/autoprovision/functions/internal/edge"
	"example.com/autoprovision/shared/wiring/googlecloud"
)

// Target is the function's name.
const Target = "audit-event"

func init() { edge.Register(Target, New) }

// Settings are what the function is deployed with: those of
// edge.Reader.Directory, AUTOPROVISION_LOG_LEVEL, these, and
// AUTOPROVISION_AUDIT_EVENTS: events that Google has renamed or added since
// audit.DefaultTable was written, in the form of audit.Table.With; it may be
// missing.
type Settings struct {
	Cloud googlecloud.Config
	// URL is AUTOPROVISION_AUDIT_URL: the function's own address, which the
	// tokens of its callers are for.
	URL string
	// Publisher is AUTOPROVISION_PUBSUB_ACCOUNT: the service account that signs what Pub/Sub pushes.
	Publisher string
}

// requestTime bounds one message.
const requestTime = time.Minute

// New returns the function.
func New(getenv func(string) string, o googlecloud.Outside) (http.Handler, error) {
	r := edge.Read(getenv)
	s := Settings{Cloud: r.Directory(), URL: r.URL("AUDIT_URL"), Publisher: r.Account("PUBSUB_ACCOUNT")}
	s.Cloud.Events = r.Events("AUDIT_EVENTS")
	log := r.Log(os.Stderr, s.Cloud.Project)
	if err := r.Err(); err != nil {
		return nil, err
	}
	tokens, err := edge.NewTokens(o.Keys)
	if err != nil {
		return nil, err
	}
	return edge.Machine(s.Cloud, o, log, requestTime, tokens.Accounts(s.URL, s.Publisher), (*endpoint.Endpoints).AuditEvent), nil
}
