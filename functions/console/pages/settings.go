package pages

import (
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
	VerifiedAt    moment
	BaseURL       string
	Mapping       []settingLine
	Scope         []settingLine
	ScopeSet      bool
	Frames        []settingLine
	Protected     []string
	Guard         string
}

type settingLine struct{ Name, Value string }

func (p *Pages) settingsPage(w http.ResponseWriter, r *http.Request) error {
	st, err := p.service.Status(r.Context())
	if err != nil {
		return err
	}
	return p.render(w, r, "settings", "Settings", p.viewSettings(st))
}

func (p *Pages) viewSettings(st admin.Status) settingsView {
	c := st.Configuration
	v := settingsView{App: p.service.Profile.Name, Status: st.Status, On: c.On, Ready: c.Ready(), BaseURL: c.Connection.BaseURL,
		VerifiedAt: momentAt(c.Authorization.VerifiedAt, st.Now), Protected: admin.ProtectedOf(c),
		Guard: percent(c.Guard.MaxShare) + " of the accounts and more than " + plural(c.Guard.MinUsers, "person", "people") + " within 24 hours"}
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
	for _, m := range c.Mapping {
		v.Mapping = append(v.Mapping, settingLine{or(names[m.App], m.App), or(m.Directory, m.Expression)})
	}
	if c.Scope != nil {
		v.ScopeSet, v.Scope = true, scopeLines(*c.Scope)
	}
	if d, ok := c.Policy(); ok {
		v.Frames = frameLines(v.App, d)
	}
	return v
}

func scopeLines(s provision.Scope) []settingLine {
	var on, off []string
	for _, o := range s.OrgUnits {
		if o.On {
			on = append(on, o.Path)
		} else {
			off = append(off, o.Path)
		}
	}
	in := admin.ScopeOf(s)
	lines := []settingLine{{"On for org units", or(strings.Join(on, ", "), "none")}}
	if len(off) > 0 {
		lines = append(lines, settingLine{"Off for org units", strings.Join(off, ", ")})
	}
	if len(in.AccessGroups) > 0 {
		lines = append(lines, settingLine{"On for access groups", strings.Join(in.AccessGroups, ", ")})
	}
	lines = append(lines, settingLine{"Limited to groups", or(strings.Join(in.Groups, ", "), "no limit")})
	domains := "all of the customer's"
	if len(in.Groups) > 0 {
		domains = "the primary domain " + s.PrimaryDomain
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
		return "suspend: " + strings.ToLower(delayWords(f.SuspendAfter)) + "; hard delete: " + strings.ToLower(delayWords(f.DeleteAfter))
	}
	lines := []settingLine{{"When " + app + " is turned off for a user", line(d.AppOff)}, {"When a user is suspended from Google", line(d.Suspended)},
		{"When a user is deleted from Google", line(d.Deleted)}}
	if d.Archived != nil {
		lines = append(lines, settingLine{"When a user is archived in Google", line(*d.Archived)})
	}
	return lines
}

func percent(share float64) string { return strconv.FormatFloat(share*100, 'f', -1, 64) + " %" }

func (p *Pages) deletePage(w http.ResponseWriter, r *http.Request) error {
	return p.render(w, r, "delete", "Delete configuration", confirmView{App: p.service.Profile.Name})
}

func (p *Pages) deleteConfiguration(w http.ResponseWriter, r *http.Request) error {
	if err := p.service.Delete(r.Context()); err != nil {
		return err
	}
	return p.done(w, r, "/", "The configuration is deleted. Existing users were not removed from "+p.service.Profile.Name+" and can still use it.")
}
