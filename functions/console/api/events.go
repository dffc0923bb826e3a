package api

import (
	"context"
	"encoding/csv"
	"mime"
	"net/http"
	"reflect"
	"strings"
	"time"

	"github.com/danielgtaylor/huma/v2"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// Event is one entry of the log.
type Event struct {
	ID        string     `json:"id"`
	Time      time.Time  `json:"time"`
	Name      string     `json:"name"`
	UserID    *string    `json:"userId"`
	Email     *string    `json:"email"`
	AccountID *string    `json:"accountId"`
	Outcome   string     `json:"outcome" enum:"done,failed,refused"`
	Condition *string    `json:"condition"`
	Since     *time.Time `json:"since" doc:"When the condition began"`
	Deadline  *time.Time `json:"deadline"`
	Cause     *string    `json:"cause"`
	Error     *string    `json:"error"`
}

func viewEvent(e provision.Event) Event {
	return Event{ID: e.ID, Time: e.Time.UTC(), Name: e.Name, UserID: text(e.UserID), Email: text(e.Email), AccountID: text(e.AccountID),
		Outcome: string(e.Outcome), Condition: text(e.Cause.Condition), Since: when(e.Cause.Since), Deadline: when(e.Cause.Deadline),
		Cause: text(e.Cause.Text), Error: text(e.Error)}
}

const csvType = "text/csv"

type eventsInput struct {
	User    string    `query:"user" doc:"Directory id or address"`
	Name    string    `query:"name" enum:"Create User By Auto Provisioning,Update Auto Provisioned User,Suspend Auto Provisioned User,Unsuspend Auto Provisioned User,Hard Delete Auto Provisioned User,Change Auto Provisioning Configuration,Auto Provisioning Notice"`
	Outcome string    `query:"outcome" enum:"done,failed,refused"`
	From    time.Time `query:"from" doc:"The earliest time"`
	To      time.Time `query:"to" doc:"Before this time"`
	Format  string    `query:"format" enum:"json,csv" doc:"csv answers all pages at once, like Accept: text/csv"`
	Accept  string    `header:"Accept" hidden:"true"`
	Paging
}

// eventsOutput writes itself, since it has two forms.
type eventsOutput struct {
	Body func(huma.Context)
}

func (a *api) registerEvents() {
	op := a.operation(http.MethodGet, a.app("/events"), "events", tagPeople, "The log of the last 30 days, newest first", "The events, as a page or as a whole table")
	op.Responses["200"].Content = map[string]*huma.MediaType{
		jsonType: {Schema: a.huma.OpenAPI().Components.Schemas.Schema(reflect.TypeFor[Page[Event]](), true, "")},
		csvType:  {Schema: &huma.Schema{Type: huma.TypeString}},
	}
	handle(a, op, func(ctx context.Context, in *eventsInput) (*eventsOutput, error) {
		if !in.From.IsZero() && !in.To.IsZero() && in.To.Before(in.From) {
			return nil, fault.Field("to", "is before from: leave one out, or write the earlier time as from")
		}
		f := state.EventFilter{Name: in.Name, Outcome: provision.Outcome(in.Outcome), From: in.From, To: in.To, Limit: in.PageSize, Token: in.PageToken}
		if in.User != "" {
			id, err := a.service.UserID(ctx, in.User)
			if err != nil {
				return nil, err
			}
			f.UserID = id
		}
		asCSV := in.Format == "csv" || in.Format == "" && prefersCSV(in.Accept)
		if asCSV {
			f.Limit = 500
		}
		rows, next, err := a.service.Events(ctx, f)
		if err != nil {
			return nil, err
		}
		if asCSV {
			return &eventsOutput{func(hc huma.Context) { a.table(hc, f, rows, next) }}, nil
		}
		return &eventsOutput{func(hc huma.Context) {
			hc.SetHeader("Content-Type", jsonType)
			_ = a.huma.Marshal(hc.BodyWriter(), jsonType, newPage(rows, next, viewEvent).Body) // a client that is gone needs no answer
		}}, nil
	})
}

// prefersCSV reports whether an Accept header names CSV before JSON.
func prefersCSV(accept string) bool {
	for part := range strings.SplitSeq(accept, ",") {
		switch kind, _, _ := mime.ParseMediaType(part); kind {
		case csvType:
			return true
		case jsonType:
			return false
		}
	}
	return false
}

// table streams all pages as CSV (RFC 4180). An error after the first page cuts
// the connection, so that nobody takes a part for the whole.
func (a *api) table(hc huma.Context, f state.EventFilter, rows []provision.Event, next string) {
	hc.SetHeader("Content-Type", csvType+"; charset=utf-8; header=present")
	hc.SetHeader("Content-Disposition", `attachment; filename="events.csv"`)
	out := csv.NewWriter(hc.BodyWriter())
	err := out.Write([]string{"id", "time", "name", "userId", "email", "accountId", "outcome", "condition", "since", "deadline", "cause", "error"})
	for err == nil {
		if err = writeRows(out, rows); err != nil || next == "" {
			break
		}
		f.Token = next
		rows, next, err = a.service.Events(hc.Context(), f)
	}
	if err != nil {
		a.service.Log.WarnContext(hc.Context(), "events were not sent to their end", "error", err.Error())
		panic(http.ErrAbortHandler)
	}
}

func writeRows(out *csv.Writer, rows []provision.Event) error {
	for _, e := range rows {
		row := []string{e.ID, stamp(e.Time), e.Name, e.UserID, e.Email, e.AccountID, string(e.Outcome),
			string(e.Cause.Condition), stamp(e.Cause.Since), stamp(e.Cause.Deadline), e.Cause.Text, e.Error}
		for i := range row {
			row[i] = cell(row[i])
		}
		if err := out.Write(row); err != nil {
			return err
		}
	}
	out.Flush()
	return out.Error()
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}

// cell keeps a spreadsheet from taking a text for a formula (owasp.org/www-community/attacks/CSV_Injection).
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
