package api

import (
	"context"
	"encoding/json"
	"net/http"

	"github.com/danielgtaylor/huma/v2"

	"example.com/autoprovision/shared/app"
)

// Decision confirms or dismisses held operations.
type Decision struct {
	List  string  `json:"list" doc:"The id of the list that was looked at"`
	Users UserIDs `json:"users,omitempty" nullable:"false" doc:"Ids of users on it, at least one; left out for all"`
}

// UserIDs tells no list, which means everybody, from one without anybody:
// null is the latter, since that is what some clients make of an empty list.
type UserIDs []string

// UnmarshalJSON implements json.Unmarshaler.
func (u *UserIDs) UnmarshalJSON(data []byte) error {
	var ids []string
	err := json.Unmarshal(data, &ids)
	*u = orEmpty(ids)
	return err
}

// Report is what a probe found out.
type Report struct {
	Findings  []Finding  `json:"findings" nullable:"false"`
	Suggested Connection `json:"suggested" doc:"The settings that the findings speak for; nothing is changed"`
}

// Finding is one thing that a probe found out.
type Finding struct {
	Check   string `json:"check"`
	OK      bool   `json:"ok"`
	Found   string `json:"found"`
	Meaning string `json:"meaning"`
}

// Nothing is a body without fields, which can be left out.
type Nothing struct{}

func (a *api) registerActions() {
	post := func(id, summary, answers string) huma.Operation {
		return a.operation(http.MethodPost, a.app("/"+id), id, tagApp, summary, answers)
	}
	handle(a, post("turnOn", "Begin with a sweep", newStatus),
		func(ctx context.Context, in *body[*Confirmation]) (*answer[Status], error) {
			var confirmed string
			if in.Body != nil {
				confirmed = in.Body.ConfirmedPreview
			}
			return a.status(ctx, a.service.TurnOn(ctx, confirmed))
		})
	handle(a, post("turnOff", "Stop, and keep the configuration", "The new status; no operation can start any more"),
		func(ctx context.Context, _ *body[*Nothing]) (*answer[Status], error) {
			return a.status(ctx, a.service.TurnOff(ctx))
		})
	sweep := post("sweep", "Ask for a sweep now", newStatus)
	sweep.DefaultStatus, sweep.Responses = http.StatusAccepted, map[string]*huma.Response{"202": {Description: "The new status; the sweep goes on behind it"}}
	handle(a, sweep, func(ctx context.Context, _ *body[*Nothing]) (*answer[Status], error) {
		return a.status(ctx, a.service.Sweep(ctx))
	})
	handle(a, post("confirmHeld", "Release held operations", newStatus),
		func(ctx context.Context, in *body[Decision]) (*answer[Status], error) {
			return a.status(ctx, a.service.DecideHeld(ctx, in.Body.List, in.Body.Users, true))
		})
	handle(a, post("dismissHeld", "Dismiss held operations", newStatus),
		func(ctx context.Context, in *body[Decision]) (*answer[Status], error) {
			return a.status(ctx, a.service.DecideHeld(ctx, in.Body.List, in.Body.Users, false))
		})
	handle(a, a.operation(http.MethodDelete, a.app(""), "deleteConfiguration", tagApp,
		"Turn off, and remove the configuration, pending work and the token; accounts stay as they are", newStatus),
		func(ctx context.Context, _ *struct{}) (*answer[Status], error) {
			return a.status(ctx, a.service.Delete(ctx))
		})
	handle(a, post("probe", "Find out what the app supports, by reading only", "What was found out"),
		func(ctx context.Context, _ *body[*Nothing]) (*answer[Report], error) {
			report, err := a.service.Probe(ctx)
			if err != nil {
				return nil, err
			}
			return &answer[Report]{Report{
				Findings:  list(report.Findings, func(f app.Finding) Finding { return Finding(f) }),
				Suggested: Connection(report.Suggested),
			}}, nil
		})
}
