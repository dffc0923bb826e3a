package pages

import (
	"net/http"
	"slices"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

type comingUpView struct {
	Operation, Condition, From, To string
	Rows                           []personRow
	// Next is the address of the next page.
	Next string
	// Filtered is true when a filter leaves people out.
	Filtered bool
	Problems problems
	// from and until bound the day on which something is due; zero for open.
	from, until time.Time
}

// comingUpScan is how many pending people one page goes through at most for a filter.
const comingUpScan = 2000

func (p *Pages) comingUpPage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := comingUpView{Operation: q.Get("operation"), Condition: q.Get("condition"), From: q.Get("from"), To: q.Get("to"), Problems: problems{}}
	v.Filtered = v.Operation != "" || v.Condition != "" || v.From != "" || v.To != ""
	if v.from, v.until = days(q, v.Problems); len(v.Problems) > 0 {
		v.From, v.To = onlyDay(v.From), onlyDay(v.To)
		return p.renderAs(w, r, http.StatusUnprocessableEntity, "comingup", "Coming up", v)
	}
	var found []admin.Person
	token := q.Get("page")
	for scanned := 0; len(found) < pageRows && scanned < comingUpScan; scanned += pageRows {
		page, next, err := p.service.PendingPage(r.Context(), token, pageRows)
		if err != nil {
			return err
		}
		for _, person := range page {
			if person, ok := v.narrowed(person); ok {
				found = append(found, person)
			}
		}
		if token = next; token == "" {
			break
		}
		if last := page[len(page)-1].Next.At; !v.until.IsZero() && !last.Before(v.until) {
			token = "" // they come by time, and nothing after this one is wanted
			break
		}
	}
	v.Rows = p.rows(found, p.service.Business())
	if token != "" {
		q.Set("page", token)
		v.Next = "/coming-up?" + q.Encode()
	}
	if v.Operation == string(provision.HardDelete) {
		slices.SortFunc(v.Rows, func(a, b personRow) int { return a.Due.At.Compare(b.Due.At) })
	}
	return p.render(w, r, "comingup", "Coming up", v)
}

// narrowed is a person with what of theirs the filters let through; ok is false for nothing.
func (v comingUpView) narrowed(person admin.Person) (_ admin.Person, ok bool) {
	past := v.Operation == "" && person.Next.At.Before(v.from)
	if person.Then != nil && (v.Operation == string(provision.HardDelete) || past) {
		person.HeldBy = "suspend" // which comes before it
		person.Next, person.Then = person.Then, nil
	}
	next := person.Next
	return person, !next.At.Before(v.from) && (v.until.IsZero() || next.At.Before(v.until)) &&
		(v.Operation == "" || next.Operation == provision.OperationKind(v.Operation)) &&
		(v.Condition == "" || next.Cause.Condition == provision.ConditionName(v.Condition))
}
