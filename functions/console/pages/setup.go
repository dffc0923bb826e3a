package pages

import (
	"cmp"
	"context"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
)

// wizard is where in the set-up a page stands; nil outside of it.
type wizard struct {
	Steps []step
	// Number is the present step's, from 1.
	Number int
	Back   string
}

type step struct {
	Label, Path string
	Here, Done  bool
}

const (
	stepStart      = "/setup/start"
	stepToken      = "/setup/token"
	stepAttributes = "/setup/attributes"
	stepWho        = "/setup/who"
	stepFrames     = "/setup/time-frames"
	stepReview     = "/setup/review"
)

func steps() []step {
	return []step{{Label: "Before you begin", Path: stepStart}, {Label: "Access token", Path: stepToken}, {Label: "Attributes", Path: stepAttributes},
		{Label: "Provisioning scope", Path: stepWho}, {Label: "Deprovisioning time frames", Path: stepFrames}, {Label: "Review", Path: stepReview}}
}

func inSetup(r *http.Request) bool { return strings.HasPrefix(r.URL.Path, "/setup/") }

// authorized is true once the app has accepted a token, also when it does no more.
func authorized(c provision.Configuration) bool {
	return c.Authorization.State != provision.AuthorizationNone && c.Authorization.State != ""
}

// wizardOf is nil for a page outside of the set-up.
func wizardOf(r *http.Request, c provision.Configuration) *wizard {
	if !inSetup(r) {
		return nil
	}
	w := &wizard{Steps: steps()}
	_, framed := c.Policy()
	done := []bool{authorized(c), authorized(c), c.Scope != nil, c.Scope != nil, framed, false}
	at := slices.IndexFunc(w.Steps, func(s step) bool { return s.Path == r.URL.Path })
	for i := range w.Steps {
		// The check-list and the attributes, which have a default, store nothing that says that they are done.
		passed := i < at && (w.Steps[i].Path == stepStart || w.Steps[i].Path == stepAttributes)
		w.Steps[i].Done, w.Steps[i].Here = done[i] || passed, i == at
	}
	if w.Number = at + 1; at > 0 {
		w.Back = w.Steps[at-1].Path
	}
	return w
}

// beforeOn serves a step of the set-up until autoprovisioning is on. From then on
// each part has its page under Settings, where an edit shows its preview first.
func (p *Pages) beforeOn(h Handler) Handler {
	return func(w http.ResponseWriter, r *http.Request) error {
		c, err := p.service.Configuration(r.Context())
		if err != nil {
			return err
		}
		if !c.On {
			return h(w, r)
		}
		to := "/settings"
		if part := strings.TrimPrefix(r.URL.Path, "/setup"); part != "" && r.URL.Path != stepStart && r.URL.Path != stepReview {
			to += part
		}
		return p.done(w, r, to, "The set-up is done and autoprovisioning is on: what is set is edited here.")
	}
}

// setup leads to the first step that is not done.
func (p *Pages) setup(w http.ResponseWriter, r *http.Request) error {
	c, err := p.service.Configuration(r.Context())
	if err != nil {
		return err
	}
	to := stepReview
	switch _, framed := c.Policy(); {
	case !authorized(c):
		to = stepStart
	case c.Scope == nil:
		to = stepAttributes
	case !framed:
		to = stepFrames
	}
	return p.done(w, r, to, "")
}

type checklistView struct {
	App      string
	Wizard   *wizard
	Checks   []checkRow
	Problems problems
}

// checkRow is one thing that must be so before the set-up.
type checkRow struct {
	Name, Text, Why string
	Ticked          bool
}

func checks(app string) []checkRow {
	return []checkRow{
		{Name: "sso", Text: "Single sign-on for " + app + " is set up.", Why: "Without it, people get an account that they cannot sign in to, and there is no access token to copy."},
		{Name: "invite", Text: "You have decided who invites people in " + app + ".", Why: "Creating an account does not send an invitation. Someone must invite the person in " + app + "."},
		{Name: "google", Text: "Google's own autoprovisioning for " + app + " is off.",
			Why: "Two provisioners would undo each other's work. In the Google Admin console: " + app + " › Autoprovisioning › Status › Turn off."},
	}
}

func (p *Pages) checklistPage(w http.ResponseWriter, r *http.Request) error {
	return p.showChecklist(w, r, http.StatusOK, nil)
}

func (p *Pages) showChecklist(w http.ResponseWriter, r *http.Request, status int, found problems) error {
	c, err := p.service.Configuration(r.Context())
	if err != nil {
		return err
	}
	v := checklistView{App: p.service.Profile.Name, Wizard: wizardOf(r, c), Checks: checks(p.service.Profile.Name), Problems: found}
	for i := range v.Checks {
		passed := r.Method == http.MethodGet && authorized(c)
		v.Checks[i].Ticked = passed || r.PostForm.Has(v.Checks[i].Name)
	}
	return p.renderAs(w, r, status, "start", "Before you begin", v)
}

func (p *Pages) checklist(w http.ResponseWriter, r *http.Request) error {
	found := problems{}
	for _, check := range checks(p.service.Profile.Name) {
		if !r.PostForm.Has(check.Name) {
			found[check.Name] = "see to this first, and then tick it"
		}
	}
	if len(found) > 0 {
		return p.showChecklist(w, r, http.StatusUnprocessableEntity, found)
	}
	return p.done(w, r, stepToken, "")
}

type tokenView struct {
	App    string
	Wizard *wizard
	// Stored is true when a token is stored already; Lost when the app refuses it.
	Stored, Lost bool
	VerifiedAt   moment
	// BaseURL is shown; it can be set where AskBaseURL.
	BaseURL    string
	AskBaseURL bool
	// TokenIs says where the token is, when not on the app's pages.
	TokenIs  string
	Problems problems
}

func (p *Pages) tokenPage(w http.ResponseWriter, r *http.Request) error {
	return p.showToken(w, r, http.StatusOK, nil)
}

func (p *Pages) showToken(w http.ResponseWriter, r *http.Request, status int, found problems) error {
	st, err := p.service.Status(r.Context())
	if err != nil {
		return err
	}
	c := st.Configuration
	v := tokenView{App: p.service.Profile.Name, Wizard: wizardOf(r, c), BaseURL: c.Connection.BaseURL, AskBaseURL: !p.service.FixedBaseURL,
		Stored: c.Authorization.State == provision.AuthorizationOK, Lost: c.Authorization.State == provision.NeedsReauthorizing,
		VerifiedAt: momentAt(c.Authorization.VerifiedAt, st.Now), TokenIs: p.tokenIs, Problems: found}
	if r.PostForm.Has("baseUrl") {
		v.BaseURL = r.PostForm.Get("baseUrl")
	}
	title := "Access token"
	if v.Wizard == nil {
		title = "Reauthorize"
		if !v.Stored && !v.Lost {
			title = "Authorize"
		}
	}
	return p.renderAs(w, r, status, "token", title, v)
}

// saveToken verifies the token with the app and stores it. It is in no answer:
// a form that is refused comes back without it (R15).
func (p *Pages) saveToken(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	c, err := p.service.Configuration(ctx)
	if err != nil {
		return err
	}
	if base := strings.TrimSpace(r.PostForm.Get("baseUrl")); !p.service.FixedBaseURL && base != c.Connection.BaseURL {
		conn := c.Connection
		conn.BaseURL = base
		if err := p.service.PutConnection(ctx, conn); err != nil {
			return p.tokenRefused(w, r, err)
		}
	}
	token := strings.TrimSpace(r.PostForm.Get("accessToken"))
	if token == "" && inSetup(r) && c.Authorization.State == provision.AuthorizationOK {
		return p.done(w, r, stepAttributes, "")
	}
	if err := p.service.Authorize(ctx, secrets.NewValue(token)); err != nil {
		return p.tokenRefused(w, r, err)
	}
	if inSetup(r) {
		return p.done(w, r, stepAttributes, p.service.Profile.Name+" accepts the token; it is stored.")
	}
	if !authorized(c) {
		return p.done(w, r, "/", "Authorized: "+p.service.Profile.Name+" accepts the token.")
	}
	return p.done(w, r, "/", "Reauthorized: "+p.service.Profile.Name+" accepts the token.")
}

func (p *Pages) tokenRefused(w http.ResponseWriter, r *http.Request, err error) error {
	found, ok := p.refused(err)
	if !ok {
		return err
	}
	return p.showToken(w, r, http.StatusUnprocessableEntity, found)
}

type reviewView struct {
	App    string
	Wizard *wizard
	previewView
	Settings settingsView
	// Over is true for the script's last poll of a preview, Said then how it ended:
	// what else depends on it follows, and nobody is lost who is being written down.
	Over bool
	Said string
	// None is true without a preview of the present settings.
	None bool
	// Warnings say what of the settings is allowed but seldom meant.
	Warnings []string
	// Protected are the protected people, one a line, as stored or as entered.
	Protected string
	// Revision tells whom the form shows: see revision.
	Revision string
	Problems problems
}

// What the form of protected people is sent for, beside saving them.
const (
	thenPreview = "preview"
	thenTurnOn  = "turn-on"
)

// makeReview makes the preview of turning on that the last step shows, after it
// has saved who is protected, where that was sent. Each button of the step sends
// it, so that nobody is lost who was written down and not saved.
func (p *Pages) makeReview(w http.ResponseWriter, r *http.Request) error {
	if !r.PostForm.Has("protected") {
		return p.newReview(w, r, flash{})
	}
	c, err := p.service.Configuration(r.Context())
	if err != nil {
		return err
	}
	users, then, said := addresses(r.PostForm.Get("protected")), r.PostForm.Get("then"), "Saved."
	if slices.Equal(users, list(admin.ProtectedOf(c))) {
		switch then {
		case thenTurnOn:
			return p.done(w, r, "/turn-on?preview="+url.QueryEscape(r.URL.Query().Get("preview")), "")
		case thenPreview:
			return p.newReview(w, r, flash{})
		}
	}
	if then == thenTurnOn {
		said = "Saved who is protected. This is the new preview: look at it, then press Turn on again."
	}
	proposal := admin.Proposal{Protected: &users}
	found := movedOn(r, c, proposal, "save")
	if found == nil {
		err := p.service.Put(r.Context(), proposal, "")
		if err == nil {
			return p.newReview(w, r, flash{Text: said})
		}
		ok := false
		if found, ok = p.refused(err); !ok {
			return err
		}
	}
	return p.showReview(w, r, http.StatusUnprocessableEntity, gathered(found))
}

func (p *Pages) newReview(w http.ResponseWriter, r *http.Request, say flash) error {
	st, err := p.service.Status(r.Context())
	if err != nil {
		return err
	}
	if st.Status == admin.StatusNotConfigured {
		return p.setup(w, r)
	}
	preview, err := p.service.Preview(r.Context(), admin.Proposal{})
	if err != nil {
		return err
	}
	return p.lead(w, r, stepReview+"?preview="+url.QueryEscape(preview.ID), say)
}

// review is the last step: the preview that is named, or a button that makes one.
func (p *Pages) review(w http.ResponseWriter, r *http.Request) error {
	return p.showReview(w, r, http.StatusOK, nil)
}

func (p *Pages) showReview(w http.ResponseWriter, r *http.Request, status int, found problems) error {
	ctx := r.Context()
	st, err := p.service.Status(ctx)
	if err != nil {
		return err
	}
	if st.Status == admin.StatusNotConfigured {
		return p.setup(w, r)
	}
	preview, err := p.service.PreviewByID(ctx, r.URL.Query().Get("preview"))
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	v := reviewView{App: p.service.Profile.Name, Wizard: wizardOf(r, st.Configuration), Settings: p.viewSettings(ctx, st),
		Protected: strings.Join(admin.ProtectedOf(st.Configuration), "\n"),
		Revision:  cmp.Or(r.PostForm.Get("revision"), revision(st.Configuration, sectionProtected)), Problems: found}
	if r.PostForm.Has("protected") {
		v.Protected = r.PostForm.Get("protected")
	}
	if err != nil || preview.Revision != st.Configuration.Revision {
		v.None, v.Warnings = true, p.warnings(ctx, st.Configuration)
		if r.Header.Get("HX-Request") != "" { // the page is another one
			w.Header().Set("HX-Refresh", "true")
		}
		return p.renderAs(w, r, status, "review", "Review", v)
	}
	if v.previewView, err = p.viewPreview(r, preview, st.Configuration); err != nil {
		return err
	}
	if !v.Running {
		v.Warnings = p.warnings(ctx, st.Configuration)
	}
	if r.Header.Get("HX-Request") != "" && !v.Running {
		v.Over, v.Said = true, v.over().Text
	}
	return p.renderAs(w, r, status, "review", "Review", v)
}

// warnings says what of the settings is allowed but seldom meant. Whom the scope
// reaches is not said where the directory gives no answer.
func (p *Pages) warnings(ctx context.Context, c provision.Configuration) []string {
	all := seldomMeant(p.service.Profile.Name, c)
	reach, err := p.service.Reach(ctx, admin.ScopeOf(*c.Scope))
	if err == nil && reach.In == 0 && !reach.Partial {
		all = append(all, scopeOfNobody(p.service.Profile.Name))
	}
	return all
}

// seldomMeant warns of time frames that leave people who are gone with their account.
func seldomMeant(app string, c provision.Configuration) []string {
	d, _ := c.Policy()
	var whose []string
	for _, row := range []struct {
		whose  string
		frames provision.TimeFrames
	}{{"for whom " + app + " is turned off", d.AppOff}, {"who are suspended in Google Workspace", d.Suspended}, {"who are deleted in Google Workspace", d.Deleted}} {
		if row.frames.SuspendAfter == provision.Never && row.frames.DeleteAfter == provision.Never {
			whose = append(whose, row.whose)
		}
	}
	if len(whose) == 0 {
		return nil
	}
	return []string{"Both time frames are “Never” for users " + strings.Join(whose, ", and for those ") + ": they keep their account in " + app + " for good."}
}
