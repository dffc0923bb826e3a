package pages

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"net/http"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// The sections of a configuration, as its document names them.
const (
	sectionMapping        = "mapping"
	sectionScope          = "scope"
	sectionDeprovisioning = "deprovisioning"
	sectionProtected      = "protected"
	sectionGuard          = "guard"
	sectionConnection     = "connection"
)

// revision tells what a form shows from anything else that these sections could
// hold. It is of their content: turning off and on, or an edit of another
// section, changes nothing that the form shows.
func revision(c provision.Configuration, sections ...string) string {
	var document map[string]json.RawMessage
	if err := json.Unmarshal(admin.DocumentOf(c), &document); err != nil {
		panic("pages: document does not parse: " + err.Error())
	}
	shown := sha256.New()
	for _, section := range sections {
		shown.Write(document[section])
	}
	return hex.EncodeToString(shown.Sum(nil)[:8])
}

// sectionsOf names the sections that a proposal replaces, in the order in which
// the forms name them.
func sectionsOf(p admin.Proposal) (names []string) {
	for _, section := range []struct {
		name string
		set  bool
	}{{sectionMapping, p.Mapping != nil}, {sectionScope, p.Scope != nil}, {sectionDeprovisioning, p.Deprovisioning != nil},
		{sectionProtected, p.Protected != nil}, {sectionGuard, p.Guard != nil}, {sectionConnection, p.Connection != nil}} {
		if section.set {
			names = append(names, section.name)
		}
	}
	return names
}

// movedOn is what is wrong with a form that was opened before what it shows was
// changed: saved, it would take that back unseen. It then comes back as one of
// the present settings, so that it can be sent again. then is what its button
// does. Nothing is wrong with a form that does not say what it shows.
func movedOn(r *http.Request, c provision.Configuration, p admin.Proposal, then string) problems {
	opened, present := r.PostForm.Get("revision"), revision(c, sectionsOf(p)...)
	if opened == "" || opened == present {
		return nil
	}
	r.PostForm.Set("revision", present)
	return problems{"": "The settings have changed since you opened this form. Your entries are kept below; compare them with Settings, then " + then + " again."}
}
