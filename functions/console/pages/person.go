package pages

import (
	"fmt"
	"net/http"
	"slices"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/app"
)

type personView struct {
	App string
	personLink
	// Called is their name; empty when it is not known.
	Called string
	// Local and Domain are the two parts of the name, between which it may be broken.
	Local, Domain      string
	Directory, Account label
	AccountID          string
	// Answer is why they have or lack an account; Until is what comes next, and when.
	Answer, Until string
	More          []string
	// Held is true when something of theirs is on the list of held operations.
	Held       bool
	Timeline   *timelineView
	Attributes []attributeRow
	// FromDirectory is true when there is anything to show of what the directory has.
	FromDirectory   bool
	AboutAttributes string
	Attention       []attentionView
	Events          []eventRow
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
	v := personView{App: p.service.Profile.Name, personLink: personLink{person.ID, person.Email}, Called: person.Name, Directory: lifecycleLabel(person.Directory),
		Account: accountLabel(person.Account), AccountID: person.Account.ID}
	if v.Events, err = p.viewEvents(ctx, person.Events, st.Now); err != nil {
		return err
	}
	v.Local, v.Domain = v.Name(), ""
	if at := strings.LastIndexByte(v.Local, '@'); at > 0 {
		v.Local, v.Domain = v.Local[:at], v.Local[at:]
	}
	person.MappingError = p.byLabel(person.MappingError)
	said := standing{v.App, person, st.Configuration, st.Now}
	v.Answer, v.Until, v.More = said.why(), said.until(), said.further()
	v.Timeline, v.Held = said.timeline(), person.HeldBy == "guard" || person.Record.Hold != nil
	v.Attributes = attributes(p.service.Profile.Attributes, person)
	v.FromDirectory, v.AboutAttributes = len(person.Desired) > 0, aboutAttributes(person)
	if v.Attention, err = p.attention(ctx, st.Now, person.Record.Attention); err != nil {
		return err
	}
	return p.render(w, r, "person", v.Name(), v)
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

// byLabel names the attribute at the beginning of a text by its label.
func (p *Pages) byLabel(text string) string {
	for _, a := range p.service.Profile.Attributes {
		if rest, ok := strings.CutPrefix(text, a.Path+": "); ok {
			return a.Label + ": " + rest
		}
	}
	return text
}

func show(v any) string {
	if v == nil {
		return ""
	}
	return fmt.Sprint(v)
}

// aboutAttributes says what is not to be seen of the attributes.
func aboutAttributes(person admin.Person) string {
	switch {
	case len(person.Desired) == 0 && person.Account.Applied == nil:
		return "No attributes yet: they appear when an account is created."
	case len(person.Desired) == 0:
		return "What Google has now cannot be shown."
	case !person.InScope:
		return "Nothing is written to an account while its person is not active and in scope."
	}
	return ""
}

func (p *Pages) lookNow(w http.ResponseWriter, r *http.Request) error {
	person, result, err := p.service.Reconcile(r.Context(), r.PathValue("user"))
	if err != nil {
		return err
	}
	said := "Checked."
	var done []string
	for _, kind := range result.Done {
		done = append(done, strings.ToLower(operationLabel(kind).Text))
	}
	if len(done) > 0 {
		said += " Done: " + strings.Join(done, ", ") + "."
	}
	// Why an operation waits is told once: by what went wrong.
	waiting := strings.TrimPrefix(result.Waiting, "waiting to try again: ")
	texter, err := p.reader(r.Context(), p.service.Business(), waiting)
	switch {
	case err != nil:
		return err
	case waiting != "":
		said += " " + strings.TrimSuffix(texter.read(waiting), ".") + "."
	case len(done) == 0:
		said = "Checked: nothing had to be done."
	}
	return p.done(w, r, personLink{ID: person.ID}.Path(), said)
}
