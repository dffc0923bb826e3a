package pages

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// personRow is a person in a list.
type personRow struct {
	personLink
	// Called is their name; empty when it is not known.
	Called             string
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
		row := personRow{personLink: personLink{person.ID, person.Email}, Called: person.Name, Directory: lifecycleLabel(person.Directory),
			Account: accountLabel(person.Account), Waits: heldWords(p.service.Profile.Name, person.HeldBy)}
		if next := person.Next; next != nil {
			row.Operation, row.Due = operationLabel(next.Operation), momentAt(next.At, now)
			row.Why = sentence(pendingWhy(p.service.Profile.Name, *next, person.Reasons, now))
			if person.Then != nil {
				row.Then = momentAt(person.Then.At, now)
			}
		}
		rows[i] = row
	}
	return rows
}

// pendingWhy says why an operation is due.
func pendingWhy(app string, next provision.Pending, reasons []string, now time.Time) string {
	why := conditionOf(app, next.Cause.Condition, reasons)
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
	Rows  []personRow
	Next  string
	Error string
}

func (p *Pages) peoplePage(w http.ResponseWriter, r *http.Request) error {
	ctx, q := r.Context(), r.URL.Query()
	v := peopleView{Query: strings.TrimSpace(q.Get("q"))}
	first, typing := q.Get("page") == "", r.Header.Get("HX-Request") != ""
	if first && !typing && strings.Contains(v.Query, "@") {
		if id, err := p.service.UserID(ctx, v.Query); err == nil { // a whole address was asked for
			http.Redirect(w, r, personLink{ID: id}.Path(), http.StatusSeeOther)
			return nil
		}
	}
	people, next, err := p.service.Search(ctx, v.Query, q.Get("page"), pageRows)
	if err != nil {
		return err
	}
	if first && v.Query != "" {
		found, err := p.service.Find(ctx, v.Query)
		if err != nil {
			p.service.Log.WarnContext(ctx, "the directory could not be searched", "error", err.Error())
			v.Error = "Google did not answer, so only people with a record here are searched."
		}
		people = merged(people, found)
	}
	v.Rows, v.Next = p.rows(people, p.service.Business()), next
	return p.render(w, r, "people", "People", v)
}

// merged is the people of both lists, each once, in the order of their addresses.
func merged(known, found []admin.Person) []admin.Person {
	for _, person := range found {
		if !slices.ContainsFunc(known, func(other admin.Person) bool { return other.ID == person.ID }) {
			known = append(known, person)
		}
	}
	slices.SortFunc(known, func(a, b admin.Person) int { return cmp.Compare(strings.ToLower(a.Email), strings.ToLower(b.Email)) })
	return known
}
