package pages

import (
	"cmp"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

type connectionView struct {
	App string
	provision.Connection
	FixedBaseURL bool
	// Revision tells what the form shows: see revision.
	Revision string
	// The numbers as they are in the form, which may be none.
	PageSize, RequestsPerSecond, Concurrency string
	Findings                                 []finding
	Problems                                 problems
}

type finding struct {
	Check, Found, Meaning string
	Result                label
}

func (p *Pages) connectionPage(w http.ResponseWriter, r *http.Request) error {
	c, err := p.service.Configuration(r.Context())
	if err != nil {
		return err
	}
	return p.showConnection(w, r, http.StatusOK, connectionView{Connection: c.Connection, Revision: revision(c, sectionConnection)})
}

func (p *Pages) showConnection(w http.ResponseWriter, r *http.Request, status int, v connectionView) error {
	v.App, v.FixedBaseURL = p.service.Profile.Name, p.service.FixedBaseURL
	form := r.PostForm
	v.Revision = cmp.Or(form.Get("revision"), v.Revision)
	entered := func(field string) string {
		if form.Has(field) {
			return form.Get(field)
		}
		return numbers(v.Connection)[field]
	}
	v.PageSize, v.RequestsPerSecond, v.Concurrency = entered("pageSize"), entered("requestsPerSecond"), entered("concurrency")
	return p.renderAs(w, r, status, "connection", "Connection", v)
}

func (p *Pages) saveConnection(w http.ResponseWriter, r *http.Request) error {
	conn, found := connectionForm(r)
	v := connectionView{Connection: conn, Problems: found}
	if r.PostForm.Get("do") == "probe" {
		return p.probe(w, r, v)
	}
	if len(found) == 0 {
		c, err := p.service.Configuration(r.Context())
		if err != nil {
			return err
		}
		if v.Problems = movedOn(r, c, admin.Proposal{Connection: &conn}, "save"); v.Problems != nil {
			return p.showConnection(w, r, http.StatusUnprocessableEntity, v)
		}
		err = p.service.PutConnection(r.Context(), conn)
		if err == nil {
			return p.done(w, r, "/settings", "Saved.")
		}
		ok := false
		if v.Problems, ok = p.refused(err); !ok {
			return err
		}
	}
	return p.showConnection(w, r, http.StatusUnprocessableEntity, v)
}

func connectionForm(r *http.Request) (provision.Connection, problems) {
	form, found := r.PostForm, problems{}
	number := func(field string) int {
		n, err := strconv.Atoi(strings.TrimSpace(form.Get(field)))
		if err != nil {
			found[field] = "write a whole number"
		}
		return n
	}
	rate, err := strconv.ParseFloat(strings.TrimSpace(form.Get("requestsPerSecond")), 64)
	if err != nil {
		found["requestsPerSecond"] = "write a number; 0 for unlimited"
	}
	return provision.Connection{BaseURL: strings.TrimSpace(form.Get("baseUrl")), UpdateMethod: form.Get("updateMethod"), PatchStyle: form.Get("patchStyle"),
		MediaType: form.Get("mediaType"), PageSize: number("pageSize"), RequestsPerSecond: rate, Concurrency: number("concurrency"),
		HardDelete: form.Has("hardDelete")}, found
}

// probe finds out what the app supports. It only reads, and what is in the form
// stays there: but for what the findings speak against.
func (p *Pages) probe(w http.ResponseWriter, r *http.Request, v connectionView) error {
	c, err := p.service.Configuration(r.Context())
	if err != nil {
		return err
	}
	report, err := p.service.Probe(r.Context())
	if err != nil {
		status, text := explained(p.service.Profile.Name, false, err)
		if status == http.StatusInternalServerError {
			return err
		}
		v.Problems = problems{"": text}
		return p.showConnection(w, r, status, v)
	}
	v.Problems = nil
	v.suggest(r.PostForm, c.Connection, report.Suggested)
	for _, f := range report.Findings {
		result := label{"Limited", "warn"}
		if f.OK {
			result = label{"Good", "good"}
		}
		v.Findings = append(v.Findings, finding{Check: f.Check, Found: f.Found, Meaning: f.Meaning, Result: result})
	}
	return p.showConnection(w, r, http.StatusOK, v)
}

// suggest puts into the form what is suggested otherwise than it is set.
func (v *connectionView) suggest(form url.Values, set, suggested provision.Connection) {
	if suggested.UpdateMethod != set.UpdateMethod {
		v.UpdateMethod = suggested.UpdateMethod
	}
	if suggested.PatchStyle != set.PatchStyle {
		v.PatchStyle = suggested.PatchStyle
	}
	if suggested.MediaType != set.MediaType {
		v.MediaType = suggested.MediaType
	}
	if suggested.HardDelete != set.HardDelete {
		v.HardDelete = suggested.HardDelete
	}
	for field, value := range numbers(suggested) {
		if value != numbers(set)[field] {
			form.Set(field, value)
		}
	}
}

// numbers are those of a connection, as the form has them.
func numbers(c provision.Connection) map[string]string {
	return map[string]string{"pageSize": strconv.Itoa(c.PageSize), "concurrency": strconv.Itoa(c.Concurrency),
		"requestsPerSecond": strconv.FormatFloat(c.RequestsPerSecond, 'f', -1, 64)}
}
