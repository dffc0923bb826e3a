package pages

import (
	"context"
	"net/http"
	"net/url"
	"strings"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// eventRow is an entry of the log.
type eventRow struct {
	When    moment
	Name    string
	Outcome label
	Person  personLink
	Why     string
	Error   string
}

func (p *Pages) viewEvents(ctx context.Context, events []provision.Event, now time.Time) ([]eventRow, error) {
	var texts []string
	for _, e := range events {
		texts = append(texts, e.Error, e.Cause.Text)
	}
	texter, err := p.reader(ctx, now, texts...)
	if err != nil {
		return nil, err
	}
	texter.exact = true
	rows := make([]eventRow, len(events))
	for i, e := range events {
		rows[i] = eventRow{When: momentAt(e.Time, now), Name: e.Name, Outcome: eventLabel(e),
			Person: personLink{e.UserID, e.Email}, Why: texter.read(eventWhy(p.service.Profile.Name, e.Cause, now)), Error: texter.read(e.Error)}
	}
	return rows, nil
}

func eventWhy(app string, c provision.Cause, now time.Time) string {
	var parts []string
	if c.Text != "" {
		parts = append(parts, causeWords(app, c.Text))
	}
	if why := condition(app, c.Condition); why != "" {
		if !c.Since.IsZero() {
			why += " since " + momentAt(c.Since, now).Text()
		}
		parts = append(parts, why)
	}
	if !c.Deadline.IsZero() {
		parts = append(parts, "due "+momentAt(c.Deadline, now).Text())
	}
	return strings.Join(parts, "; ")
}

type logView struct {
	User, Name, Outcome, From, To string
	Names                         []string
	// Filtered is true when a filter leaves events out.
	Filtered bool
	Rows     []eventRow
	// Next and Table are addresses of the next page and of the same as CSV.
	Next, Table string
	Problems    problems
}

func (p *Pages) logPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := logView{User: q.Get("user"), Name: q.Get("name"), Outcome: q.Get("outcome"), From: q.Get("from"), To: q.Get("to"), Names: provision.EventNames()}
	v.Filtered = v.User != "" || v.Name != "" || v.Outcome != "" || v.From != "" || v.To != ""
	f, problems, err := p.filter(r)
	if err != nil {
		return err
	}
	if v.Problems = problems; len(problems) > 0 {
		v.From, v.To = onlyDay(v.From), onlyDay(v.To)
		return p.renderAs(w, r, http.StatusUnprocessableEntity, "log", "Log", v)
	}
	f.Limit, f.Token = pageRows, q.Get("page")
	events, next, err := p.service.Events(r.Context(), f)
	if err != nil {
		return err
	}
	if v.Rows, err = p.viewEvents(r.Context(), events, p.service.Business()); err != nil {
		return err
	}
	q.Del("page")
	v.Table = "/log.csv?" + q.Encode()
	if next != "" {
		q.Set("page", next)
		v.Next = "/log?" + q.Encode()
	}
	return p.render(w, r, "log", "Log", v)
}

// filter reads the filters of the log; problems are by field.
func (p *Pages) filter(r *http.Request) (f state.EventFilter, found problems, err error) {
	q := r.URL.Query()
	f = state.EventFilter{Name: q.Get("name"), Outcome: provision.Outcome(q.Get("outcome"))}
	found = problems{}
	if user := strings.TrimSpace(q.Get("user")); user != "" {
		if f.UserID, found["user"], err = p.inLog(r.Context(), user); err != nil {
			return f, nil, err
		}
		if found["user"] == "" {
			delete(found, "user")
		}
	}
	f.From, f.To = days(q, found)
	return f, found, nil
}

// inLog is the id of somebody by an address or an id; problem says why there is none.
func (p *Pages) inLog(ctx context.Context, user string) (id, problem string, err error) {
	const otherwise = "write the whole address, or find the person under People"
	id, err = p.service.UserID(ctx, user)
	if fault.Is(err, fault.NotFound, fault.Invalid) {
		return "", fault.Words(err) + ": " + otherwise, nil
	}
	if err != nil || strings.Contains(user, "@") {
		return id, "", err
	}
	records, err := p.service.Records(ctx, []string{id})
	if _, known := records[id]; err == nil && !known { // a part of a name is no id
		problem = otherwise
	}
	return id, problem, err
}

// days reads a span of days: from its first moment until that after its last;
// zero for what is left open.
func days(q url.Values, found problems) (from, until time.Time) {
	from = day(q, "from", found)
	if to := day(q, "to", found); !to.IsZero() {
		until = to.AddDate(0, 0, 1) // the day itself is included
	}
	if !from.IsZero() && !until.IsZero() && !from.Before(until) {
		found["to"] = "the last day is before the first"
	}
	return from, until
}

func day(q url.Values, field string, found problems) time.Time {
	text := q.Get(field)
	if text == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		found[field] = "write a day as year-month-day, such as 2026-01-31"
	}
	return t
}

// onlyDay is a day as a field for days can hold it; empty for anything else.
func onlyDay(text string) string {
	if _, err := time.Parse(time.DateOnly, text); err != nil {
		return ""
	}
	return text
}

func (p *Pages) logCSV(w http.ResponseWriter, r *http.Request) error {
	f, found, err := p.filter(r)
	if err != nil {
		return err
	}
	if len(found) > 0 {
		return p.done(w, r, "/log?"+r.URL.RawQuery, "")
	}
	f.Limit = 500
	header := []string{"id", "time", "name", "userId", "email", "accountId", "outcome", "condition", "since", "deadline", "cause", "error"}
	return p.table(w, "events.csv", header, func() ([][]string, bool, error) {
		events, next, err := p.service.Events(r.Context(), f)
		rows := make([][]string, len(events))
		for i, e := range events {
			rows[i] = []string{e.ID, stamp(e.Time), e.Name, e.UserID, e.Email, e.AccountID, string(e.Outcome),
				string(e.Cause.Condition), stamp(e.Cause.Since), stamp(e.Cause.Deadline), e.Cause.Text, e.Error}
		}
		f.Token = next
		return rows, next != "", err
	})
}

func stamp(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(time.RFC3339Nano)
}
