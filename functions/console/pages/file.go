package pages

import (
	"cmp"
	"io"
	"net/http"
	"slices"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
)

// fileView is the configuration as a file.
type fileView struct {
	App string
	// Document is what is in the form.
	Document string
	Problems problems
}

// Wrong is what is wrong with the document, a sentence for each field.
func (v fileView) Wrong() []string {
	var list []string
	for field, text := range v.Problems {
		if field != "" {
			text = field + ": " + text
		} else {
			text = sentence(text)
		}
		list = append(list, strings.TrimSuffix(text, ".")+".")
	}
	slices.SortFunc(list, func(a, b string) int { return cmp.Compare(a, b) })
	return list
}

func (p *Pages) filePage(w http.ResponseWriter, r *http.Request) error {
	v := fileView{App: p.service.Profile.Name}
	if r.URL.Query().Has("draft") {
		c, _, err := p.draft(r)
		if err != nil {
			return err
		}
		v.Document = string(admin.DocumentOf(c))
	}
	return p.render(w, r, "file", "Configuration as a file", v)
}

func (p *Pages) downloadFile(w http.ResponseWriter, r *http.Request) error {
	c, err := p.service.Configuration(r.Context())
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Content-Disposition", `attachment; filename="configuration.json"`)
	_, err = w.Write(admin.DocumentOf(c))
	return err
}

// saveFile previews what a document would do, or saves it where no preview is possible.
func (p *Pages) saveFile(w http.ResponseWriter, r *http.Request) error {
	document, err := sent(r)
	if err != nil {
		return err
	}
	found, err := p.proposeFile(w, r, document)
	if err != nil || found == nil {
		return err
	}
	v := fileView{App: p.service.Profile.Name, Document: document, Problems: found}
	return p.renderAs(w, r, http.StatusUnprocessableEntity, "file", "Configuration as a file", v)
}

func (p *Pages) proposeFile(w http.ResponseWriter, r *http.Request, document string) (problems, error) {
	if strings.TrimSpace(document) == "" {
		return problems{"": "choose a file, or paste a document"}, nil
	}
	proposal, err := p.service.ReadDocument([]byte(document))
	if err == nil {
		err = p.service.CheckWhole(r.Context(), proposal)
	}
	if err != nil {
		found, ok := p.refused(err)
		if !ok {
			return nil, err
		}
		return found, nil
	}
	return p.propose(w, r, proposal, "/settings")
}

// sent is the document of the form: the file that was chosen, else what was pasted.
func sent(r *http.Request) (string, error) {
	if !strings.HasPrefix(r.Header.Get("Content-Type"), "multipart/form-data") {
		return r.PostForm.Get("document"), nil
	}
	if err := r.ParseMultipartForm(maxForm); err != nil { // #nosec G120 -- the body is bounded before any page sees it, in guard.go
		return "", unread(err)
	}
	defer func() { _ = r.MultipartForm.RemoveAll() }()
	file, header, err := r.FormFile("file")
	if err != nil || header.Size == 0 { // none was chosen
		return r.PostForm.Get("document"), nil
	}
	defer func() { _ = file.Close() }()
	data, err := io.ReadAll(file)
	if err != nil {
		return "", fault.Wrap(fault.Invalid, "", errForm)
	}
	return string(data), nil
}
