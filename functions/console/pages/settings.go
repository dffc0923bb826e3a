package pages

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// settingsView is all that is set, in the order of the help page.
type settingsView struct {
	App           string
	Status        string
	On, Ready     bool
	Authorization label
	// Authorized is true once a token was stored, also when the app refuses it.
	Authorized bool
	VerifiedAt moment
	BaseURL    string
	Mapping    []settingLine
	Scope      []settingLine
	ScopeSet   bool
	Frames     []settingLine
	Protected  []string
	Guard      string
}

// ProtectedText are the protected people in one line.
func (v settingsView) ProtectedText() string { return strings.Join(v.Protected, ", ") }

type settingLine struct{ Name, Value string }

func (p *Pages) settingsPage(w http.ResponseWriter, r *http.Request) error {
	st, err := p.service.Status(r.Context())
	if err != nil {
		return err
	}
	return p.render(w, r, "settings", "Settings", p.viewSettings(r.Context(), st))
}

func (p *Pages) viewSettings(ctx context.Context, st admin.Status) settingsView {
	c := st.Configuration
	v := settingsView{App: p.service.Profile.Name, Status: st.Status, On: c.On, Ready: c.Ready(), BaseURL: c.Connection.BaseURL,
		VerifiedAt: momentAt(c.Authorization.VerifiedAt, st.Now), Protected: admin.ProtectedOf(c),
		Guard: percent(c.Guard.MaxShare) + " of the accounts and more than " + plural(c.Guard.MinUsers, "person", "people") + " within 24 hours"}
	v.Authorized = authorized(c)
	switch c.Authorization.State {
	case provision.AuthorizationOK:
		v.Authorization = label{"Authorized", "good"}
	case provision.NeedsReauthorizing:
		v.Authorization = label{"Needs reauthorization", "bad"}
	default:
		v.Authorization = label{"Not authorized", "quiet"}
	}
	names := map[string]string{}
	for _, a := range p.service.Profile.Attributes {
		names[a.Path] = a.Label
	}
	sources := p.sourceNames(ctx)
	for _, m := range c.Mapping {
		v.Mapping = append(v.Mapping, settingLine{cmp.Or(names[m.App], m.App), cmp.Or(sources[m.Directory], cmp.Or(m.Directory, m.Expression))})
	}
	if c.Scope != nil {
		v.ScopeSet, v.Scope = true, scopeLines(*c.Scope)
	}
	if d, ok := c.Policy(); ok {
		v.Frames = frameLines(v.App, d)
	}
	return v
}

// sourceNames are the names of the directory's attributes by path. Without an
// answer of the directory the paths stand for themselves.
func (p *Pages) sourceNames(ctx context.Context) map[string]string {
	names := map[string]string{}
	offered, err := p.service.Attributes(ctx)
	if err != nil {
		p.service.Log.Warn("the names of the directory's attributes could not be read", "error", err.Error())
	}
	for _, a := range offered {
		names[a.Path] = a.Label
	}
	return names
}

func scopeLines(s provision.Scope) []settingLine {
	var on, off []string
	for _, o := range s.OrgUnits {
		if o.On {
			on = append(on, sentence(unitName(o.Path)))
		} else {
			off = append(off, sentence(unitName(o.Path)))
		}
	}
	in := admin.ScopeOf(s)
	lines := []settingLine{{"On for org units", cmp.Or(strings.Join(on, ", "), "None")}}
	if len(off) > 0 {
		lines = append(lines, settingLine{"Off for org units", strings.Join(off, ", ")})
	}
	if len(in.AccessGroups) > 0 {
		lines = append(lines, settingLine{"On for groups", strings.Join(in.AccessGroups, ", ")})
	}
	lines = append(lines, settingLine{"Limited to groups", cmp.Or(strings.Join(in.Groups, ", "), "No limit")})
	domains := "All of the company's"
	if len(in.Groups) > 0 {
		domains = "The primary domain " + s.PrimaryDomain
		if len(in.Domains) > 0 {
			domains += ", and " + strings.Join(in.Domains, ", ")
		}
	} else if len(in.Domains) > 0 {
		domains = strings.Join(in.Domains, ", ")
	}
	return append(lines, settingLine{"Domains", domains})
}

func frameLines(app string, d provision.Deprovisioning) []settingLine {
	line := func(f provision.TimeFrames) string {
		return "Suspend: " + strings.ToLower(delayWords(f.SuspendAfter)) + "; hard delete: " + strings.ToLower(delayWords(f.DeleteAfter))
	}
	lines := []settingLine{{"When " + app + " is turned off for a user", line(d.AppOff)}, {"When a user is suspended in Google Workspace", line(d.Suspended)},
		{"When a user is deleted in Google Workspace", line(d.Deleted)}}
	if d.Archived != nil {
		lines = append(lines, settingLine{"When a user is archived in Google Workspace", line(*d.Archived)})
	}
	return lines
}

// unitName is the path of an org unit, of which the root's says nothing.
func unitName(path string) string {
	if path == "/" {
		return "the whole company"
	}
	return path
}

func percent(share float64) string { return strconv.FormatFloat(share*100, 'f', -1, 64) + "\u00a0%" }

func (p *Pages) deletePage(w http.ResponseWriter, r *http.Request) error {
	c, err := p.service.Configuration(r.Context())
	if err != nil {
		return err
	}
	return p.render(w, r, "delete", "Delete configuration", confirmView{App: p.service.Profile.Name, Protected: strings.Join(admin.ProtectedOf(c), ", ")})
}

func (p *Pages) deleteConfiguration(w http.ResponseWriter, r *http.Request) error {
	if err := p.service.Delete(r.Context()); err != nil {
		return err
	}
	return p.done(w, r, "/", "The configuration is deleted. Existing users were not removed from "+p.service.Profile.Name+" and can still use it.")
}
