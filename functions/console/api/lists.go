package api

import (
	"context"
	"net/http"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// Orphan is an account that no person in scope stands behind (R17).
type Orphan struct {
	AccountID  string  `json:"accountId"`
	UserName   string  `json:"userName"`
	ExternalID *string `json:"externalId"`
	Active     bool    `json:"active"`
	Why        string  `json:"why"`
}

// Attention is one thing that needs a person.
type Attention struct {
	Kind      string     `json:"kind" enum:"conflict,refused,failed,protected,archived,drift,configuration,held"`
	UserIDs   []string   `json:"userIds" nullable:"false"`
	AccountID *string    `json:"accountId"`
	Why       string     `json:"why"`
	Todo      string     `json:"todo"`
	Since     *time.Time `json:"since"`
}

// HeldPerson is a person's place on the open list of held operations.
type HeldPerson struct {
	UserID    string    `json:"userId"`
	Email     *string   `json:"email"`
	Operation string    `json:"operation" enum:"create,suspend,hardDelete"`
	Condition *string   `json:"condition" doc:"What the operation follows from; null for a create"`
	Since     time.Time `json:"since" doc:"When it was held"`
	Reasons   []string  `json:"reasons" nullable:"false" doc:"Why the person is not in scope, in sentences"`
}

func viewHeldPerson(rec provision.Record) HeldPerson {
	return HeldPerson{UserID: rec.UserID, Email: text(rec.Email), Operation: string(rec.Hold.Operation), Condition: text(string(rec.Hold.Condition)),
		Since: rec.Hold.HeldAt.UTC(), Reasons: orEmpty(rec.Reasons)}
}

// Day is the events of one day, in UTC.
type Day struct {
	Day      string         `json:"day" format:"date"`
	Counts   map[string]int `json:"counts" doc:"What was done, by the name of the event"`
	Failures int            `json:"failures" doc:"What failed or was refused"`
}

type usageInput struct {
	Days int `query:"days" minimum:"1" maximum:"30" default:"30" doc:"Today and the days before it"`
	Paging
}

func (a *api) registerLists() {
	get := func(below, id, summary, answers string) listing {
		return listing{a, below, id, tagPeople, summary, answers}
	}
	handleList(get("/pending", "pending", "Coming suspends and hard deletes, by time", "The people, with what comes next"), a.service.PendingPage, viewUser)
	handleList(get("/held", "held", "The open list of held operations, one row per person, to confirm or to dismiss (R12)", "The people, with what is held, and why"),
		a.service.HeldPage, viewHeldPerson)
	handleList(get("/orphans", "orphans", "Accounts that we neither created nor adopted, and that no person in scope stands behind", "The accounts"),
		a.service.Orphans, func(o provision.Orphan) Orphan {
			return Orphan{AccountID: o.AccountID, UserName: o.UserName, ExternalID: text(o.ExternalID), Active: o.Active, Why: o.Why}
		})
	handleList(get("/attention", "attention", "What needs a person, and what to do", "The list"),
		a.service.AttentionPage, func(n provision.Attention) Attention {
			return Attention{Kind: string(n.Kind), UserIDs: orEmpty(n.UserIDs), AccountID: text(n.AccountID), Why: n.Why, Todo: n.Todo, Since: when(n.Since)}
		})
	usage := a.operation(http.MethodGet, a.app("/usage"), "usage", tagPeople, "Counts a day for each event name, and failures", "One item for every day, oldest first")
	handle(a, usage, func(ctx context.Context, in *usageInput) (*answer[Page[Day]], error) {
		counts, err := a.service.Usage(ctx, in.Days)
		if err != nil {
			return nil, err
		}
		rows, next, err := cut(days(counts, a.service.Business(), in.Days), in.Paging)
		return newPage(rows, next, func(d Day) Day { return d }), err
	})
}

// listing describes a list.
type listing struct {
	a                                *api
	below, id, tag, summary, answers string
}

// handleList registers a list that is read page by page.
func handleList[R, T any](o listing, read func(ctx context.Context, token string, limit int) ([]R, string, error), view func(R) T) {
	operation := o.a.operation(http.MethodGet, o.a.app(o.below), o.id, o.tag, o.summary, o.answers)
	handle(o.a, operation, func(ctx context.Context, in *Paging) (*answer[Page[T]], error) {
		rows, next, err := read(ctx, in.PageToken, in.PageSize)
		return newPage(rows, next, view), err
	})
}

// days has one item for each of the last n days, today last, also where nothing happened.
func days(counts []state.DayCount, now time.Time, n int) []Day {
	list := make([]Day, n)
	place := map[string]*Day{}
	for i := range list {
		day := now.UTC().AddDate(0, 0, i+1-n).Format(time.DateOnly)
		list[i] = Day{Day: day, Counts: map[string]int{provision.EventCreate: 0, provision.EventUpdate: 0,
			provision.EventSuspend: 0, provision.EventUnsuspend: 0, provision.EventHardDelete: 0}}
		place[day] = &list[i]
	}
	for _, c := range counts {
		day, ok := place[c.Day]
		switch {
		case !ok:
		case c.Outcome == provision.OutcomeDone:
			day.Counts[c.Name] += c.Count
		default:
			day.Failures += c.Count
		}
	}
	return list
}
