package pages

import (
	"cmp"
	"context"
	"fmt"
	"html/template"
	"net/http"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

type attributesView struct {
	App    string
	Wizard *wizard
	// Revision tells what the form shows: see revision.
	Revision string
	Rows     []mappingRow
	// Open is true when an attribute that is not mandatory is mapped.
	Open       bool
	Standard   []directory.Attribute
	Custom     []directory.Attribute
	Sample     string
	SampleDone bool
	// Trial is what the mapping makes of people in scope; nil until it is tried.
	Trial *trialView
	// People are addresses to choose a sample from.
	People []string
	// Refused is true when nothing was saved, because of what is marked.
	Refused  bool
	Problems problems
}

// mappingCell is one row of the mapping with the page that it is on.
type mappingCell struct {
	Page attributesView
	Row  mappingRow
}

// Row joins a row with the lists that it chooses from.
func (v attributesView) Row(row mappingRow) mappingCell { return mappingCell{v, row} }

// mappingRow is one app attribute with where it comes from.
type mappingRow struct {
	Number     int
	App, Label string
	Mandatory  bool
	// Opens is true for the first row that may be left as it is.
	Opens bool
	// Free is true for a row whose app attribute is typed in.
	Free bool
	// Source is a directory attribute, "expression", or empty for not mapped.
	Source     string
	Expression string
	// Other is a directory attribute that the list does not offer.
	Other string
	Value string
	Error string
	// OfPath is true when the error is of the app attribute's path, which was entered.
	OfPath bool
}

// MarkPath are the attributes of the app attribute's path, when that is refused.
func (row mappingRow) MarkPath() template.HTMLAttr { return row.mark(row.OfPath) }

// MarkSource are those of the list of sources, when that is.
func (row mappingRow) MarkSource() template.HTMLAttr {
	return row.mark(!row.OfPath && row.Source != fromExpression)
}

// MarkExpression are those of the expression, when that is.
func (row mappingRow) MarkExpression() template.HTMLAttr {
	return row.mark(!row.OfPath && row.Source == fromExpression)
}

func (row mappingRow) mark(here bool) template.HTMLAttr {
	if row.Error == "" || !here {
		return ""
	}
	// #nosec G203 -- a number, and nothing that was entered
	return template.HTMLAttr(fmt.Sprintf(`aria-invalid="true" autofocus aria-describedby="error%d"`, row.Number))
}

const fromExpression = "expression"

// mappingRows has a row for each attribute that the app offers, for each other
// one that is mapped, and an empty one for another.
func (p *Pages) mappingRows(mapped []provision.MappedAttribute) []mappingRow {
	byApp := map[string]provision.MappedAttribute{}
	for _, m := range mapped {
		byApp[strings.ToLower(m.App)] = m
	}
	var rows []mappingRow
	add := func(row mappingRow, m provision.MappedAttribute) {
		row.Number = len(rows)
		row.Source, row.Expression = m.Directory, m.Expression
		if m.Expression != "" {
			row.Source = fromExpression
		}
		rows = append(rows, row)
	}
	for _, mandatory := range []bool{true, false} {
		for _, a := range p.service.Profile.Attributes {
			if a.Mandatory == mandatory {
				add(mappingRow{App: a.Path, Label: a.Label, Mandatory: a.Mandatory}, byApp[strings.ToLower(a.Path)])
				delete(byApp, strings.ToLower(a.Path))
			}
		}
	}
	for _, m := range mapped {
		if _, left := byApp[strings.ToLower(m.App)]; left {
			add(mappingRow{App: m.App, Free: true}, m)
		}
	}
	add(mappingRow{Free: true}, provision.MappedAttribute{})
	return rows
}

func (p *Pages) attributesPage(w http.ResponseWriter, r *http.Request) error {
	c, of, err := p.draft(r)
	if err != nil {
		return err
	}
	return p.showAttributes(w, r, http.StatusOK, attributesView{Rows: p.mappingRows(c.Mapping), Revision: revision(of, sectionMapping)})
}

func (p *Pages) showAttributes(w http.ResponseWriter, r *http.Request, status int, v attributesView) error {
	c, err := p.service.Configuration(r.Context())
	if err != nil {
		return err
	}
	v.App, v.Wizard, v.Revision = p.service.Profile.Name, wizardOf(r, c), cmp.Or(r.PostForm.Get("revision"), v.Revision)
	offered, err := p.service.Attributes(r.Context())
	if err != nil {
		return err
	}
	known := map[string]bool{"": true, fromExpression: true}
	for _, a := range offered {
		known[a.Path] = true
		if a.Custom {
			v.Custom = append(v.Custom, a)
		} else {
			v.Standard = append(v.Standard, a)
		}
	}
	optional := slices.IndexFunc(v.Rows, func(row mappingRow) bool { return !row.Mandatory })
	if optional >= 0 { // the page has an empty row always, a form that did not arrive whole may have none
		v.Rows[optional].Opens = true
		for _, row := range v.Rows[optional:] {
			v.Open = v.Open || row.Source != "" || row.App != "" && row.Free || row.Error != ""
		}
	}
	for i := range v.Rows {
		if !known[v.Rows[i].Source] {
			v.Rows[i].Other = v.Rows[i].Source
		}
	}
	v.People = p.somePeople(r.Context())
	return p.renderAs(w, r, status, "attributes", "Attributes", v)
}

// peopleOffered is how many people a sample can be chosen from without writing an address.
const peopleOffered = 50

// somePeople are addresses of active people in the directory; none when it gives no answer.
func (p *Pages) somePeople(ctx context.Context) []string {
	page, err := p.service.Directory.ListUsers(ctx, "")
	if err != nil {
		p.service.Log.Warn("people to choose a sample from could not be read", "error", err.Error())
		return nil
	}
	var addresses []string
	for _, u := range page.Users {
		if u.Lifecycle == provision.Active && len(addresses) < peopleOffered {
			addresses = append(addresses, u.Email)
		}
	}
	slices.Sort(addresses)
	return addresses
}

// mappingForm reads the rows of the form. at is the row of each mapped attribute.
func (p *Pages) mappingForm(r *http.Request) (rows []mappingRow, mapped []provision.MappedAttribute, at []int) {
	labels := map[string]mappingRow{}
	for _, a := range p.service.Profile.Attributes {
		labels[a.Path] = mappingRow{Label: a.Label, Mandatory: a.Mandatory}
	}
	form := r.PostForm
	for i := range form["app"] {
		n := strconv.Itoa(i)
		row := mappingRow{Number: i, App: strings.TrimSpace(form["app"][i]), Source: form.Get("source" + n), Expression: strings.TrimSpace(form.Get("expression" + n))}
		known, offered := labels[row.App]
		row.Label, row.Mandatory, row.Free = known.Label, known.Mandatory, !offered
		rows = append(rows, row)
		if row.Source == "" {
			continue
		}
		m := provision.MappedAttribute{App: row.App, Directory: row.Source}
		if row.Source == fromExpression {
			m.Directory, m.Expression = "", row.Expression
		}
		mapped, at = append(mapped, m), append(at, i)
	}
	return rows, mapped, at
}

var indexedField = regexp.MustCompile(`^attributes\[(\d+)\](\.app$)?`)

// place puts each problem of a mapping at its row; what belongs to none stays.
func place(rows []mappingRow, at []int, found problems) {
	for field, text := range found {
		m := indexedField.FindStringSubmatch(field)
		if m == nil {
			continue
		}
		i, err := strconv.Atoi(m[1])
		if err != nil || i >= len(at) {
			continue
		}
		row := &rows[at[i]]
		row.Error, row.OfPath = sentence(mappingWords(row.App, text)), row.Free && m[2] != ""
		delete(found, field)
	}
	for i, row := range rows {
		if row.Mandatory && row.Source == "" && found["attributes"] != "" {
			rows[i].Error = "This attribute is required: choose where it comes from"
		}
	}
	delete(found, "attributes")
}

// mappingWords is what is wrong with an attribute, without its path, which the
// row says, and without the list of all that a parser would have taken.
func mappingWords(app, text string) string {
	text = strings.TrimPrefix(text, app+": ")
	text, _, _ = strings.Cut(text, " expecting {")
	return strings.Replace(text, "mismatched input '<EOF>'", "it ends too early", 1)
}

func (p *Pages) saveAttributes(w http.ResponseWriter, r *http.Request) error {
	rows, mapped, at := p.mappingForm(r)
	v := attributesView{Rows: rows, Sample: strings.TrimSpace(r.PostForm.Get("sample"))}
	if r.PostForm.Get("do") == "try" {
		return p.trySample(w, r, v, mapped, at)
	}
	if mapped == nil {
		mapped = []provision.MappedAttribute{}
	}
	v.Refused = true
	for i, row := range v.Rows {
		if row.Free && row.App != "" && row.Source == "" {
			v.Rows[i].Error = "Choose where " + row.App + " comes from, or clear its path to map it no more"
			return p.showAttributes(w, r, http.StatusUnprocessableEntity, v)
		}
	}
	found, err := p.propose(w, r, admin.Proposal{Mapping: mapped}, stepWho)
	if err != nil || found == nil {
		return err
	}
	place(v.Rows, at, found)
	v.Problems = found
	return p.showAttributes(w, r, http.StatusUnprocessableEntity, v)
}

// trySample shows what the mapping in the form makes of people in scope, and of
// one who is chosen, if any is.
func (p *Pages) trySample(w http.ResponseWriter, r *http.Request, v attributesView, mapped []provision.MappedAttribute, at []int) error {
	trial, err := p.service.Try(r.Context(), mapped)
	if err != nil {
		found, ok := p.refused(err)
		if !ok {
			return err
		}
		place(v.Rows, at, found)
		v.Problems = problems{}
		return p.showAttributes(w, r, http.StatusUnprocessableEntity, v)
	}
	v.Trial = viewTrial(trial, v.Rows)
	if v.Sample == "" {
		return p.showAttributes(w, r, http.StatusOK, v)
	}
	values, err := p.service.Sample(r.Context(), mapped, v.Sample)
	v.Trial.begin(admin.Tried{Email: v.Sample, Values: values, Err: err}, v.Rows)
	if fault.Is(err, fault.NotFound) {
		v.Problems = problems{"sample": "Nobody in the directory has this address: write a person's present primary address."}
		return p.showAttributes(w, r, http.StatusUnprocessableEntity, v)
	}
	if err != nil {
		found, ok := p.refused(err)
		if !ok {
			return err
		}
		v.Problems = problems{}
		for field, text := range found {
			atRow(v.Rows, field, text)
		}
		return p.showAttributes(w, r, http.StatusUnprocessableEntity, v)
	}
	v.SampleDone = true
	for i := range v.Rows {
		v.Rows[i].Value = show(values[v.Rows[i].App])
	}
	return p.showAttributes(w, r, http.StatusOK, v)
}

// atRow puts a problem at the row of an app attribute.
func atRow(rows []mappingRow, app, text string) {
	for i := range rows {
		if strings.EqualFold(rows[i].App, app) {
			rows[i].Error = sentence(mappingWords(app, text))
		}
	}
}
