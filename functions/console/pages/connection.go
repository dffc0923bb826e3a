package pages

import (
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
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
	v.Revision = or(form.Get("revision"), v.Revision)
	if len(v.Problems) == 0 || !form.Has("pageSize") {
		form = url.Values{"pageSize": {strconv.Itoa(v.Connection.PageSize)}, "concurrency": {strconv.Itoa(v.Connection.Concurrency)},
			"requestsPerSecond": {strconv.FormatFloat(v.Connection.RequestsPerSecond, 'f', -1, 64)}}
	}
	v.PageSize, v.RequestsPerSecond, v.Concurrency = form.Get("pageSize"), form.Get("requestsPerSecond"), form.Get("concurrency")
	return p.renderAs(w, r, status, "connection", "Connection", v)
}

func (p *Pages) saveConnection(w http.ResponseWriter, r *http.Request) error {
	conn, found := connectionForm(r)
	v := connectionView{Connection: conn, Problems: found}
	if r.PostForm.Get("do") == "probe" {
		return p.probe(w, r)
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
		if v.Problems, ok = refused(err); !ok {
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

// probe finds out what the app supports; it only reads.
func (p *Pages) probe(w http.ResponseWriter, r *http.Request) error {
	c, err := p.service.Configuration(r.Context())
	if err != nil {
		return err
	}
	report, err := p.service.Probe(r.Context())
	if fault.Is(err, fault.Unready) {
		return p.showConnection(w, r, http.StatusConflict, connectionView{Connection: c.Connection, Problems: problems{"": fault.Words(err)}})
	}
	if err != nil {
		return err
	}
	v := connectionView{Connection: report.Suggested}
	for _, f := range report.Findings {
		result := label{"Limited", "warn"}
		if f.OK {
			result = label{"Good", "good"}
		}
		v.Findings = append(v.Findings, finding{Check: f.Check, Found: f.Found, Meaning: f.Meaning, Result: result})
	}
	return p.showConnection(w, r, http.StatusOK, v)
}
