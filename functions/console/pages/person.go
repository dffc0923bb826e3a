package pages

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/provision"
)

type personView struct {
	App string
	personLink
	// Local and Domain are the two parts of the name, between which it may be broken.
	Local, Domain      string
	Directory, Account label
	AccountID          string
	// Answer is why they have or lack an account; Until is what comes next.
	Answer, Until string
	More          []string
	Timeline      *timelineView
	Attributes    []attributeRow
	// NoAttributes says why there are none to show.
	NoAttributes string
	Attention    []attentionView
	Events       []eventRow
}

type attributeRow struct {
	Label, Path, Directory, Applied string
	Differs                         bool
}

func (p *Pages) personPage(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	person, err := p.service.Person(ctx, r.PathValue("user"))
	if err != nil {
		return err
	}
	st, err := p.service.Status(ctx)
	if err != nil {
		return err
	}
	v := personView{App: p.service.Profile.Name, personLink: personLink{person.ID, person.Email}, Directory: lifecycleLabel(person.Directory),
		Account: accountLabel(person.Account), AccountID: person.Account.ID}
	if v.Events, err = p.viewEvents(ctx, person.Events, st.Now); err != nil {
		return err
	}
	v.Local, v.Domain = v.Name(), ""
	if at := strings.LastIndexByte(v.Local, '@'); at > 0 {
		v.Local, v.Domain = v.Local[:at], v.Local[at:]
	}
	v.Answer, v.Until = answer(v.App, person, st), until(v.App, person, st)
	v.More = further(v.App, person, st)
	v.Timeline = viewTimeline(person, st.Now)
	v.Attributes = attributes(p.service.Profile.Attributes, person)
	v.NoAttributes = noAttributes(person)
	rec, err := p.service.Store.Record(ctx, person.ID)
	if err != nil {
		return err
	}
	if v.Attention, err = p.attention(ctx, st.Now, rec.Attention); err != nil {
		return err
	}
	return p.render(w, r, "person", v.Name(), v)
}

// answer says in a sentence why somebody has or lacks an account.
func answer(app string, person admin.Person, st admin.Status) string {
	reasons := strings.Join(person.Reasons, "; ")
	switch {
	case person.Account.State == provision.AccountActive && len(person.Deadlines) > 0:
		why := conditions(person)
		if reasons != "" {
			why += ": " + reasons
		}
		return fmt.Sprintf("They still have an active account in %s, although %s.", app, why)
	case person.Account.State == provision.AccountActive && person.InScope:
		return fmt.Sprintf("They have an active account in %s, because %s is turned on for them and they are in the provisioning scope.", app, app)
	case person.Account.State == provision.AccountActive:
		return fmt.Sprintf("They still have an active account in %s, although %s.", app, or(reasons, "they should not"))
	case person.Account.State == provision.AccountSuspended && person.InScope && len(person.Deadlines) == 0:
		return fmt.Sprintf("Their account in %s is suspended (deactivated). They are in scope again, so it will be unsuspended at the next look.", app)
	case person.Account.State == provision.AccountSuspended:
		return fmt.Sprintf("Their account in %s is suspended (deactivated): %s.", app, or(conditions(person), or(reasons, "it was found so")))
	case person.InScope && !st.Configuration.On:
		return fmt.Sprintf("They have no account in %s that we manage. They are in scope, and get one when autoprovisioning is turned on.", app)
	case person.InScope:
		return fmt.Sprintf("They have no account in %s yet. They are in scope, so one is created at the next look.", app)
	}
	return fmt.Sprintf("They have no account in %s, because %s.", app, or(reasons, "they are not in scope"))
}

func conditions(person admin.Person) string {
	var all []string
	for _, d := range person.Deadlines {
		all = append(all, condition(d.Condition.Name))
	}
	return strings.Join(all, ", and ")
}

// until says what happens to the account next, and when.
func until(app string, person admin.Person, st admin.Status) string {
	next := person.Next
	switch {
	case next != nil:
		at := momentAt(next.At, st.Now)
		what := "suspended"
		if next.Operation == provision.HardDelete {
			what = "hard deleted (removed from the workspace)"
		}
		text := fmt.Sprintf("It will be %s on %s (%s).", what, at.Text(), at.Far())
		if !next.At.After(st.Now) {
			text = fmt.Sprintf("It is due to be %s now.", what)
		}
		if waits := heldWords(person.HeldBy); waits != "" {
			text += " " + sentence(waits) + "."
		}
		return text
	case !person.Account.Exists():
		return ""
	case len(person.Deadlines) > 0:
		return "Nothing more is due: the time frames say “never” for what would come next."
	case person.Directory == provision.Archived:
		return "Nothing is done to archived people, neither way."
	}
	return "No end is set: it stays as long as they are in scope."
}

// further says what else an administrator should know of this person.
func further(app string, person admin.Person, st admin.Status) []string {
	var more []string
	if person.MappingError != "" {
		more = append(more, "Their attributes cannot be computed, so nothing is written: "+person.MappingError)
	}
	if st.Configuration.Protects(person.ID, person.Account.ID) {
		more = append(more, "They are protected: their account is never suspended or hard deleted.")
	}
	if person.Account.Exists() && person.Account.Adopted {
		more = append(more, "The account existed before and was adopted.")
	}
	if person.InScope || person.Account.Exists() {
		more = append(more, fmt.Sprintf("Provisioned is not invited: %s invites nobody by itself; somebody in %s does that.", app, app))
	}
	return more
}

// attributes lays what the mapping makes of the directory beside what was last applied.
func attributes(known []app.Attribute, person admin.Person) []attributeRow {
	desired, applied := person.Desired, person.Account.Applied
	paths := map[string]bool{}
	for path := range desired {
		paths[path] = true
	}
	for path := range applied {
		paths[path] = true
	}
	var rows []attributeRow
	add := func(label, path string) {
		row := attributeRow{Label: label, Path: path, Directory: show(desired[path]), Applied: show(applied[path])}
		row.Differs = len(desired) > 0 && person.Account.Exists() && row.Directory != row.Applied
		rows = append(rows, row)
		delete(paths, path)
	}
	for _, a := range known {
		if paths[a.Path] {
			add(a.Label, a.Path)
		}
	}
	var others []string
	for path := range paths {
		others = append(others, path)
	}
	slices.Sort(others)
	for _, path := range others {
		add(path, path)
	}
	return rows
}

func show(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

func noAttributes(person admin.Person) string {
	if len(person.Desired) > 0 {
		return ""
	}
	return "Attributes are computed from the directory only for people who are active and in scope."
}

func (p *Pages) lookNow(w http.ResponseWriter, r *http.Request) error {
	person, result, err := p.service.Reconcile(r.Context(), r.PathValue("user"))
	if err != nil {
		return err
	}
	said := "Looked again: nothing had to be done."
	if len(result.Done) > 0 {
		var done []string
		for _, kind := range result.Done {
			done = append(done, strings.ToLower(operationLabel(kind).Text))
		}
		said = "Looked again. Done: " + strings.Join(done, ", ") + "."
	}
	if result.Waiting != "" {
		said += " Waiting: " + result.Waiting
	}
	return p.done(w, r, personLink{ID: person.ID}.Path(), said)
}

func or(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
