package pages

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// personRow is a person in a list.
type personRow struct {
	personLink
	Directory, Account label
	// Operation is what comes next; its text is empty for nothing.
	Operation label
	Due       moment
	// Then is the hard delete that follows a suspend; none when it is zero.
	Then  moment
	Why   string
	Waits string
}

func (p *Pages) rows(people []admin.Person, now time.Time) []personRow {
	rows := make([]personRow, len(people))
	for i, person := range people {
		row := personRow{personLink: personLink{person.ID, person.Email}, Directory: lifecycleLabel(person.Directory),
			Account: accountLabel(person.Account), Waits: heldWords(person.HeldBy)}
		if next := person.Next; next != nil {
			row.Operation, row.Due = operationLabel(next.Operation), momentAt(next.At, now)
			row.Why = sentence(pendingWhy(*next, person.Reasons, now))
			if person.Then != nil {
				row.Then = momentAt(person.Then.At, now)
			}
		}
		rows[i] = row
	}
	return rows
}

// pendingWhy says why an operation is due.
func pendingWhy(next provision.Pending, reasons []string, now time.Time) string {
	why := conditionOf(next.Cause.Condition, reasons)
	if why == "" {
		return next.Cause.Text
	}
	if since := next.Cause.Since; !since.IsZero() {
		why += ", since " + momentAt(since, now).Text()
	}
	return why
}

type peopleView struct {
	Query string
	// Exact is the person whose address was typed in full; nil for none.
	Exact *personRow
	// Unknown is true when the directory has nobody with exactly this address.
	Unknown bool
	Rows    []personRow
	Next    string
	Error   string
}

func (p *Pages) peoplePage(w http.ResponseWriter, r *http.Request) error {
	q := r.URL.Query()
	v := peopleView{Query: strings.TrimSpace(q.Get("q"))}
	if strings.Contains(v.Query, "@") && q.Get("page") == "" {
		switch id, err := p.service.UserID(r.Context(), v.Query); {
		case err == nil:
			v.Exact = &personRow{personLink: personLink{id, v.Query}}
		case fault.Is(err, fault.NotFound, fault.Invalid):
			v.Unknown = true
		default:
			v.Error = "The directory gave no answer, so only people with a record here are searched."
		}
	}
	if v.Exact != nil && r.Header.Get("HX-Request") == "" { // a whole address was asked for
		http.Redirect(w, r, v.Exact.Path(), http.StatusSeeOther)
		return nil
	}
	people, next, err := p.service.Search(r.Context(), v.Query, q.Get("page"), pageRows)
	if err != nil {
		return err
	}
	if next == "" && q.Get("page") == "" { // everybody is here; pages are by id
		slices.SortFunc(people, func(a, b admin.Person) int { return cmp.Compare(a.Email, b.Email) })
	}
	v.Rows, v.Next = p.rows(people, p.service.Business()), next
	if v.Exact != nil {
		for _, row := range v.Rows {
			if row.ID == v.Exact.ID {
				v.Exact = nil
				break
			}
		}
	}
	return p.render(w, r, "people", "People", v)
}
