package pages

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// previewView is what a configuration would do, person by person.
type previewView struct {
	App, ID         string
	Running, Failed bool
	Reason          string
	Listed          int
	Expires         moment
	// Edits is true for a preview of an edit, which can be saved; else it is of turning on.
	Edits bool
	What  string
	// Changes says what the edit replaces by what, MoreChanges of how many it is not said.
	Changes     []string
	MoreChanges int
	Back        string
	On          bool
	Stale       bool
	// Lists are its lists, List the one that is shown; none of them while it is made.
	Lists []previewList
	List  previewList
	// Confirms is how many removals saving confirms; Held is
	// true when some wait for a decision, as without the edit.
	Confirms int
	Held     bool
	// Impossible says of how many people the attributes cannot be computed; empty for nobody.
	Impossible string
	Rows       []previewRow
	Next       string
	// Freed are the first removals that come as things are, and would not with the
	// edit; FreedMore is true when there are more.
	Freed     []previewRow
	FreedMore bool
	// Nothing is true when nothing would be done to anybody.
	Nothing bool
}

// changesShown is how many changes of the settings a preview names at most.
const changesShown = 20

func (v previewView) underWay() bool { return v.Running }

func (v previewView) over() flash {
	if v.Failed {
		return flash{Text: "The preview ended without a result.", Failed: true}
	}
	return flash{Text: "The preview is ready."}
}

// Polled is true where the script reads the page again.
func (v previewView) Polled() bool { return v.Running }

type previewRow struct {
	Person    personLink
	Operation label
	Due       moment
	// AtOnce is true for what is due as soon as it may be, Never for what cannot be done.
	AtOnce, Never bool
	Why           string
	// Held is true for a removal that waits for an administrator's word already.
	Held bool
	// Was is when such a removal comes without the edit; zero for never or the same.
	Was moment
	// Unchanged is true for a removal that comes at the same time without the
	// edit, New for one that does not come without it.
	Unchanged, New bool
	AccountID      string
	UserName       string
}

// sectionPage leads from a section of a proposal to its page and name.
func sectionPage(section string) link {
	switch section {
	case sectionMapping:
		return link{Label: "attributes", Path: "/settings/attributes"}
	case sectionScope:
		return link{Label: "provisioning scope", Path: "/settings/who"}
	case sectionDeprovisioning:
		return link{Label: "deprovisioning time frames", Path: "/settings/time-frames"}
	case sectionConnection:
		return link{Label: "connection", Path: "/settings/connection"}
	}
	return link{Label: "protected people and the limit on suspends and hard deletes", Path: "/settings/safety"}
}

// proposalPage leads to where a proposal can be edited: the page of its one
// section, or the page of the configuration as a whole.
func proposalPage(proposal map[string]string) link {
	pages := map[link]bool{}
	for section := range proposal {
		pages[sectionPage(section)] = true
	}
	for page := range pages {
		if len(pages) == 1 {
			return page
		}
	}
	return link{Label: "configuration", Path: "/settings/file"}
}

func (p *Pages) previewPage(w http.ResponseWriter, r *http.Request) error {
	preview, err := p.service.PreviewByID(r.Context(), r.PathValue("id"))
	if err != nil {
		return err
	}
	c, err := p.service.Configuration(r.Context())
	if err != nil {
		return err
	}
	v, err := p.viewPreview(r, preview, c)
	if err != nil {
		return err
	}
	p.refreshOnce(w, r, v)
	title := "Preview of turning on"
	if v.Edits {
		title = "Preview of your edit"
	}
	return p.render(w, r, "preview", title, v)
}

// viewPreview is the list and the page of it that the request asks for.
func (p *Pages) viewPreview(r *http.Request, preview provision.Preview, c provision.Configuration) (previewView, error) {
	ctx, now := r.Context(), p.service.Business()
	v := previewView{App: p.service.Profile.Name, ID: preview.ID, Running: preview.State == provision.PreviewRunning,
		Failed: preview.State == provision.PreviewFailed, Reason: whole(preview.Reason), Listed: preview.Listed,
		Expires: momentAt(preview.ExpiresAt, p.service.Real()), Edits: len(preview.Proposal) > 0, On: c.On, Back: "/settings",
		Confirms: preview.Confirms, Held: preview.Held > 0}
	v.Stale = preview.Revision != c.Revision || !p.service.Real().Before(preview.ExpiresAt)
	if v.Edits {
		page := proposalPage(preview.Proposal)
		v.What, v.Back = page.Label, page.Path+"?draft="+url.QueryEscape(preview.ID)
	}
	if preview.Present != nil {
		for _, change := range p.service.Changes(*preview.Present, preview.Proposed) {
			v.Changes = append(v.Changes, sentence(change))
		}
		v.MoreChanges = max(0, len(v.Changes)-changesShown)
		v.Changes = v.Changes[:len(v.Changes)-v.MoreChanges]
	}
	if v.Running || v.Failed {
		return v, nil
	}
	if n := preview.Impossible; n > 0 {
		v.Impossible = plural(n, "person", "people")
	}
	list, token := cmp.Or(r.URL.Query().Get("list"), string(provision.PreviewOperations)), r.URL.Query().Get("page")
	v.Lists = previewLists(preview, list)
	at := slices.IndexFunc(v.Lists, func(l previewList) bool { return l.Here })
	if at < 0 { // it was there for what is seldom, or never
		at, v.Lists[0].Here = 0, true
	}
	v.List = v.Lists[at]
	rows, next, err := p.previewPart(ctx, preview.ID, v.List.Name, v.List.Count, token)
	if err != nil {
		return v, err
	}
	v.Next, v.Nothing = next, len(rows) == 0 && next == "" && token == ""
	if v.Rows, err = p.previewRows(ctx, rows, preview, now); err != nil {
		return v, err
	}
	if at == 0 && token == "" {
		freed, more, err := p.service.PreviewRows(ctx, preview.ID, provision.PreviewFreed, "", pageRows)
		if err != nil {
			return v, err
		}
		v.FreedMore = more != ""
		if v.Freed, err = p.previewRows(ctx, freed, preview, now); err != nil {
			return v, err
		}
	}
	return v, nil
}

func (p *Pages) previewRows(ctx context.Context, rows []provision.PreviewRow, preview provision.Preview, now time.Time) ([]previewRow, error) {
	var texts []string
	for _, row := range rows {
		texts = append(texts, row.Why)
	}
	texter, err := p.reader(ctx, now, texts...)
	if err != nil {
		return nil, err
	}
	views := make([]previewRow, len(rows))
	for i, row := range rows {
		v := previewRow{Person: personLink{row.UserID, row.Email}, Operation: previewRowLabel(row), Due: momentAt(row.DueAt, now),
			AtOnce: row.DueAt.Before(preview.CreatedAt.Add(time.Minute)), Never: row.Impossible || row.Conflict, Held: row.Held, Why: texter.read(causeWords(p.service.Profile.Name, row.Why)),
			AccountID: row.AccountID, UserName: row.UserName}
		if edits := len(preview.Proposal) > 0; edits && row.Operation.Removes() {
			v.New, v.Unchanged = row.Was.IsZero(), row.Was.Equal(row.DueAt)
			if !v.Unchanged {
				v.Was = momentAt(row.Was, now)
			}
		}
		if row.Kind == provision.PreviewFreed {
			v.Why = sentence(condition(p.service.Profile.Name, row.Condition))
		}
		views[i] = v
	}
	return views, nil
}

// newPreview makes a preview of turning on, as things are set now.
func (p *Pages) newPreview(w http.ResponseWriter, r *http.Request) error {
	return p.preview(w, r, admin.Proposal{})
}

func (p *Pages) preview(w http.ResponseWriter, r *http.Request, proposal admin.Proposal) error {
	preview, err := p.service.Preview(r.Context(), proposal)
	if err != nil {
		return err
	}
	return p.done(w, r, "/previews/"+url.PathEscape(preview.ID), "")
}

// propose previews an edit, or saves it at once where a preview is not
// possible yet or nothing can depend on it: in the set-up. next is where the
// set-up goes on. A refusal of what was entered comes back as problems.
func (p *Pages) propose(w http.ResponseWriter, r *http.Request, proposal admin.Proposal, next string) (problems, error) {
	st, err := p.service.Status(r.Context())
	if err != nil {
		return nil, err
	}
	c := st.Configuration
	direct := inSetup(r) || st.Status == admin.StatusNotConfigured || c.Authorization.State != provision.AuthorizationOK
	then := "preview"
	if direct {
		then = "save"
	}
	if found := movedOn(r, c, proposal, then); found != nil {
		return found, nil
	}
	if direct {
		err = p.service.Put(r.Context(), proposal, "")
		switch {
		case err == nil && next == stepReview && inSetup(r):
			return nil, p.newReview(w, r, flash{Text: "Saved."})
		case err == nil:
			return nil, p.done(w, r, next, "Saved.")
		}
	} else if err = p.preview(w, r, proposal); err == nil {
		return nil, nil
	}
	if found, ok := p.refused(err); ok {
		return found, nil
	}
	return nil, err
}

func (p *Pages) savePreviewed(w http.ResponseWriter, r *http.Request) error {
	err := p.service.PutPreviewed(r.Context(), r.PathValue("id"))
	if fault.Is(err, fault.Conflict) {
		return p.notDone(w, r, "/previews/"+url.PathEscape(r.PathValue("id")), "Not saved: "+fault.Words(err)+".")
	}
	if err != nil {
		return err
	}
	return p.done(w, r, "/settings", "Saved.")
}

// draft is the configuration that a form begins with: the stored one, or what a
// preview proposed. of is what it would replace, as it was then.
func (p *Pages) draft(r *http.Request) (shown, of provision.Configuration, err error) {
	if id := r.URL.Query().Get("draft"); id != "" {
		preview, err := p.service.PreviewByID(r.Context(), id)
		if err == nil && preview.Present != nil {
			return preview.Proposed, *preview.Present, nil
		}
		if err != nil && !fault.Is(err, fault.NotFound) {
			return shown, of, err
		}
	}
	of, err = p.service.Configuration(r.Context())
	return of, of, err
}
