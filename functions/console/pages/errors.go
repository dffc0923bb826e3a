package pages

import (
	"context"
	"errors"
	"html/template"
	"maps"
	"net/http"
	"regexp"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
)

var errForm = fault.New(fault.Invalid, "", "the form did not arrive whole: go back and send it again")

var errLarge = fault.New(fault.Invalid, "", "what was sent is larger than 1 MB, the most that a page takes; the API takes no more either")

// unread is what is wrong with a form that could not be read.
func unread(err error) error {
	var large *http.MaxBytesError
	if errors.As(err, &large) {
		return errLarge
	}
	return errForm
}

// failed answers with a page that says what is wrong and what to do.
func (p *Pages) failed(w http.ResponseWriter, r *http.Request, err error) {
	if errors.Is(r.Context().Err(), context.Canceled) {
		return // nobody waits for the answer
	}
	status, text := explained(p.service.Profile.Name, r.Method == http.MethodPost, err)
	if status == http.StatusInternalServerError {
		p.service.Log.Error("page failed", "method", r.Method, "error", err.Error())
	}
	title := "This could not be done"
	if errors.Is(err, errNoPage) {
		title = "Page not found"
	}
	view := problemView{Text: whole(withApp(p.service.Profile.Name, text)), Back: isSignedIn(r)}
	if err := p.renderAs(w, r, status, "problem", title, view); err != nil {
		p.service.Log.Error("page of an error failed", "error", err.Error())
		http.Error(w, text, status)
	}
}

type problemView struct {
	Text string
	// Back is true for who is signed in.
	Back bool
}

// explained is the one table from kinds of errors to statuses and words for a
// person. changes is true where the error may have come after a change was saved.
func explained(app string, changes bool, err error) (status int, text string) {
	text = fault.Words(err)
	switch fault.KindOf(err) {
	case fault.Invalid:
		return http.StatusUnprocessableEntity, text
	case fault.NotFound:
		return http.StatusNotFound, text
	case fault.Conflict, fault.Unready:
		return http.StatusConflict, text
	case fault.Unauthorized:
		return http.StatusConflict, app + " or Google refuses the credentials it was given: reauthorize " + app + ", or renew the directory's credentials. (" + text + ")"
	case fault.Forbidden:
		return http.StatusConflict, app + " or Google does not permit this to the credentials it was given. (" + text + ")"
	case fault.Throttled, fault.Unavailable, fault.Incomplete:
		todo := "Try again in a few minutes."
		switch {
		case errors.Is(err, admin.ErrStored): // its words say what was saved, and what was not
			return http.StatusServiceUnavailable, text
		case changes:
			todo = "Check whether your change was saved, then try again in a few minutes."
		}
		return http.StatusServiceUnavailable, app + " or Google did not answer properly. " + todo + " (" + text + ")"
	}
	return http.StatusInternalServerError, "Something went wrong in this program; its log says more. What you sent may or may not have been done: look before you send it again."
}

// problems are what is wrong with a form, by field; under "" what belongs to none.
type problems map[string]string

// fieldProblem is what is wrong with one field, under the id that the field names as its description.
type fieldProblem struct{ ID, Text string }

var notInID = regexp.MustCompile(`[^a-zA-Z0-9]+`)

// At is what is wrong with a field; its text is empty for nothing.
func (p problems) At(field string) fieldProblem {
	return fieldProblem{ID: "error-" + notInID.ReplaceAllString(field, "-"), Text: sentence(p[field])}
}

// Mark are the attributes of a field: what describes it (ids of elements), and
// when it was refused, that it is invalid and that it takes the focus.
func (p problems) Mark(field string, describedBy ...string) template.HTMLAttr {
	attributes := ""
	if p[field] != "" {
		describedBy = append([]string{p.At(field).ID}, describedBy...)
		attributes = `aria-invalid="true" autofocus `
	}
	if len(describedBy) > 0 {
		attributes += `aria-describedby="` + strings.Join(describedBy, " ") + `"`
	}
	return template.HTMLAttr(attributes) // #nosec G203 -- ids of this package, and nothing that was entered
}

// marked reports whether something is wrong with a field, and not only with the whole.
func (p problems) marked() bool {
	for field := range p {
		if field != "" {
			return true
		}
	}
	return false
}

// and is what is wrong with a form for one reason and for another.
func (p problems) and(others problems) problems {
	all := maps.Clone(others)
	maps.Copy(all, p)
	return all
}

// refused is refused with the app called by its name.
func (p *Pages) refused(err error) (_ problems, ok bool) {
	found, ok := refused(err)
	for field, text := range found {
		found[field] = withApp(p.service.Profile.Name, text)
	}
	return found, ok
}

// refused sorts an error by field. ok is false for an error that is no matter
// of what was entered, which then belongs on a page of its own.
func refused(err error) (_ problems, ok bool) {
	found := problems{}
	for _, f := range fault.Each(err) {
		switch f.Kind {
		case fault.Invalid, fault.NotFound, fault.Conflict, fault.Unready:
		default:
			return nil, false
		}
		if found[f.Field] != "" {
			found[f.Field] += "; "
		}
		found[f.Field] += fault.Words(f)
	}
	return found, len(found) > 0
}
