package pages

import (
	"net/http"
	"slices"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

type framesView struct {
	App    string
	Wizard *wizard
	// Revision tells what the form shows: see revision.
	Revision string
	Rows     []frameRow
	Archived bool
	Problems problems
}

type frameRow struct {
	Name, Label     string
	Suspend, Delete []frameOption
}

type frameOption struct {
	Value, Text string
	Selected    bool
}

func (p *Pages) framesPage(w http.ResponseWriter, r *http.Request) error {
	c, of, err := p.draft(r)
	if err != nil {
		return err
	}
	d, _ := c.Policy()
	return p.showFrames(w, r, http.StatusOK, d, revision(of, sectionDeprovisioning), nil)
}

func (p *Pages) showFrames(w http.ResponseWriter, r *http.Request, status int, d provision.Deprovisioning, revision string, found problems) error {
	c, err := p.service.Configuration(r.Context())
	if err != nil {
		return err
	}
	v := framesView{App: p.service.Profile.Name, Wizard: wizardOf(r, c), Revision: revision, Archived: d.Archived != nil, Problems: found}
	add := func(name, label string, f provision.TimeFrames) {
		v.Rows = append(v.Rows, frameRow{Name: name, Label: label, Suspend: delays(f.SuspendAfter), Delete: delays(f.DeleteAfter)})
	}
	add("appOff", "When "+v.App+" is turned off for a user", d.AppOff)
	add("suspended", "When a user is suspended in Google Workspace", d.Suspended)
	add("deleted", "When a user is deleted in Google Workspace", d.Deleted)
	add("archived", "When a user is archived in Google Workspace", d.For(provision.ConditionArchived))
	return p.renderAs(w, r, status, "frames", "Deprovisioning time frames", v)
}

// delays are the choices of the help page, and what is chosen now.
func delays(now provision.Delay) []frameOption {
	offered := []provision.Delay{provision.Never, provision.Within24h, "1d", "7d", "21d"}
	if !slices.Contains(offered, now) {
		offered = append(offered, now)
	}
	options := make([]frameOption, len(offered))
	for i, d := range offered {
		options[i] = frameOption{Value: string(d), Text: delayWords(d), Selected: d == now}
	}
	return options
}

func (p *Pages) saveFrames(w http.ResponseWriter, r *http.Request) error {
	read := func(name string) provision.TimeFrames {
		return provision.TimeFrames{SuspendAfter: provision.Delay(r.PostForm.Get(name + ".suspendAfter")),
			DeleteAfter: provision.Delay(r.PostForm.Get(name + ".deleteAfter"))}
	}
	d := provision.Deprovisioning{AppOff: read("appOff"), Suspended: read("suspended"), Deleted: read("deleted")}
	if r.PostForm.Has("archived") {
		frames := read("archived")
		d.Archived = &frames
	}
	found, err := p.propose(w, r, admin.Proposal{Deprovisioning: &d}, stepReview)
	if err != nil || found == nil {
		return err
	}
	return p.showFrames(w, r, http.StatusUnprocessableEntity, d, r.PostForm.Get("revision"), found)
}
