package pages

import (
	"cmp"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
)

type whoView struct {
	App    string
	Wizard *wizard
	// Revision tells what the form shows: see revision.
	Revision string
	Units    []unitRow
	// Hidden is how many org units of a large tree are not shown; UnitQuery finds them.
	Hidden    int
	UnitQuery string
	Groups    groupPicker
	Access    groupPicker
	Domains   []domainRow
	Reach     *admin.Reach
	Total     int
	// Marked is true when something of the form is wrong, and not only the count.
	Marked bool
	// Refused is true when nothing was saved, because of what is marked.
	Refused  bool
	Problems problems
}

// OfNobody warns of a scope that reaches nobody.
func (v whoView) OfNobody() string { return scopeOfNobody(v.App) }

func scopeOfNobody(app string) string {
	return "Nobody is in the provisioning scope: no account is created in " + app + ", and whoever has one through autoprovisioning loses it after the time frames. Check the org units, groups and domains."
}

// unitRow is one org unit of the tree.
type unitRow struct {
	Path, Name string
	Depth      int
	// State is on, off, or empty for what it inherits.
	State string
	// Inherited says what an org unit without a state of its own gets; From names
	// the org unit it is from, empty for one with a state and for the whole company.
	Inherited, From string
	On              bool
	// Gone is true for an org unit in the scope that the directory has no more.
	Gone  bool
	Error string
}

// groupPicker chooses groups by search.
type groupPicker struct {
	// Field is the name of the form's field.
	Field, Label, Help string
	Chosen             []string
	Query              string
	Found              []directory.Group
	Searched           bool
	Error              string
}

type domainRow struct {
	Name             string
	Primary, Checked bool
	Error            string
}

func (p *Pages) whoPage(w http.ResponseWriter, r *http.Request) error {
	c, of, err := p.draft(r)
	if err != nil {
		return err
	}
	in := admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{{Path: "/", On: true}}} // most turn it on for everybody
	if c.Scope != nil {
		in = admin.ScopeOf(*c.Scope)
	}
	return p.showWho(w, r, http.StatusOK, in, whoView{Revision: revision(of, sectionScope)})
}

func (p *Pages) showWho(w http.ResponseWriter, r *http.Request, status int, in admin.ScopeInput, v whoView) error {
	ctx := r.Context()
	c, err := p.service.Configuration(ctx)
	if err != nil {
		return err
	}
	v.App, v.Wizard, v.Revision = p.service.Profile.Name, wizardOf(r, c), cmp.Or(r.PostForm.Get("revision"), v.Revision)
	units, err := p.service.OrgUnits(ctx)
	if err != nil {
		return err
	}
	v.UnitQuery = strings.TrimSpace(r.PostForm.Get("find-units"))
	v.Units, v.Hidden = narrowed(unitRows(units, in.OrgUnits), v.UnitQuery)
	domains, err := p.service.Directory.Domains(ctx)
	if err != nil {
		return err
	}
	v.Domains = domainRows(domains, in.Domains)
	v.Groups.fill("groups", "Limit to groups", "Of those for whom "+v.App+" is on, only people who are also members of at least one of these groups are provisioned. Leave it empty for no such limit.", in.Groups)
	v.Access.fill("accessGroups", "Turn "+v.App+" on for groups", "Turns "+v.App+" on for the members, whatever their org unit says; it never turns it off.", in.AccessGroups)
	if !v.Problems.marked() {
		reach, err := p.service.Reach(ctx, in)
		switch found, ok := p.refused(err); {
		case err == nil:
			v.Reach, v.Total = &reach, reach.In+reach.Out
			for i, reason := range reach.Reasons {
				reach.Reasons[i].Why = withApp(v.App, reason.Why)
			}
		case ok:
			v.Problems = v.Problems.and(found)
		default:
			v.Problems = v.Problems.and(problems{"reach": "People could not be counted: " + fault.Words(err)})
		}
	}
	v.Marked = v.Problems.marked() && v.Problems["reach"] == ""
	v.takeProblems(in)
	return p.renderAs(w, r, status, "who", "Provisioning scope", v)
}

func (g *groupPicker) fill(field, label, help string, chosen []string) {
	g.Field, g.Label, g.Help, g.Chosen = field, label, help, chosen
}

// takeProblems puts what is wrong with a scope where its entries are shown.
func (v *whoView) takeProblems(in admin.ScopeInput) {
	v.Groups.takeProblems(v.Problems)
	v.Access.takeProblems(v.Problems)
	for i, unit := range in.OrgUnits {
		at := slices.IndexFunc(v.Units, func(row unitRow) bool { return row.Path == unit.Path })
		if at >= 0 {
			v.Units[at].Error = v.Problems.At(fmt.Sprintf("orgUnits[%d].path", i)).Text
			if v.Units[at].Gone {
				v.Units[at].Error = "The directory has no such org unit any more: take it out of the scope"
			}
		}
	}
	for i, name := range in.Domains {
		at := slices.IndexFunc(v.Domains, func(row domainRow) bool { return strings.EqualFold(row.Name, name) })
		if at >= 0 {
			v.Domains[at].Error = v.Problems.At(fmt.Sprintf("domains[%d]", i)).Text
		}
	}
}

// takeProblems collects what is wrong with its groups.
func (g *groupPicker) takeProblems(found problems) {
	var texts []string
	for field, text := range found {
		if strings.HasPrefix(field, g.Field+"[") {
			text, unknown := strings.CutSuffix(sentence(text), ": write its address")
			if unknown {
				text += ": remove it"
			}
			texts = append(texts, text)
		}
	}
	slices.Sort(texts)
	if len(texts) > 0 {
		g.Error = strings.Join(texts, ". ")
	}
}

// unitRows is the tree in order, each org unit below its parent, with what it
// inherits. Org units of the scope that the directory has no more come last.
func unitRows(units []directory.OrgUnit, states []admin.OrgUnitInput) []unitRow {
	set := map[string]bool{}
	for _, s := range states {
		set[s.Path] = s.On
	}
	slices.SortFunc(units, func(a, b directory.OrgUnit) int { return cmp.Compare(treeKey(a.Path), treeKey(b.Path)) })
	var rows []unitRow
	for _, u := range units {
		row := unitRow{Path: u.Path, Name: cmp.Or(u.Name, u.Path), Depth: strings.Count(strings.TrimSuffix(u.Path, "/"), "/")}
		if u.Path == "/" {
			row.Name = "The whole company"
		}
		on, from := inherited(set, u.Path)
		row.Inherited = "Inherit: off"
		if on {
			row.Inherited = "Inherit: on"
		}
		if u.Path == "/" {
			row.Inherited = "Not set: off"
		}
		row.On = on
		if own, ok := set[u.Path]; ok {
			row.On, row.State = own, onOff(own)
		} else if from != "/" {
			row.From = from
		}
		rows = append(rows, row)
	}
	for _, s := range states {
		if !slices.ContainsFunc(units, func(u directory.OrgUnit) bool { return u.Path == s.Path }) {
			rows = append(rows, unitRow{Path: s.Path, Name: s.Path, State: onOff(s.On), Gone: true})
		}
	}
	return rows
}

// unitsShown is how many org units are shown at most that have no state of their own.
const unitsShown = 60

// narrowed keeps of a large tree the company, what has a state of its own, and
// the first org units that a search fits, each by its path. What is hidden has
// no state, so that a form without it means the same.
func narrowed(rows []unitRow, query string) (shown []unitRow, hidden int) {
	if len(rows) <= unitsShown {
		return rows, 0
	}
	left := unitsShown
	for _, row := range rows {
		fits := left > 0 && strings.Contains(strings.ToLower(row.Path), strings.ToLower(query))
		if row.Path != "/" && row.State == "" && !row.Gone && !fits {
			hidden++
			continue
		}
		if fits {
			left--
		}
		if row.Path != "/" {
			row.Name, row.Depth = strings.TrimPrefix(row.Path, "/"), 1
		}
		shown = append(shown, row)
	}
	return shown, hidden
}

// domainRows are the organization's domains, and those of the scope that it has no more.
func domainRows(domains []directory.Domain, chosen []string) []domainRow {
	var rows []domainRow
	for _, d := range domains {
		checked := slices.ContainsFunc(chosen, func(name string) bool { return strings.EqualFold(name, d.Name) })
		rows = append(rows, domainRow{Name: d.Name, Primary: d.Primary, Checked: checked})
	}
	for _, name := range chosen {
		if !slices.ContainsFunc(domains, func(d directory.Domain) bool { return strings.EqualFold(name, d.Name) }) {
			rows = append(rows, domainRow{Name: name, Checked: true})
		}
	}
	return rows
}

// treeKey orders paths as a tree: a slash before anything else.
func treeKey(path string) string { return strings.ReplaceAll(path, "/", "\x00") }

// inherited is what the nearest org unit above one says; the root is off until set.
func inherited(set map[string]bool, path string) (on bool, from string) {
	for path != "/" {
		at := strings.LastIndexByte(path, '/')
		if path = path[:at]; path == "" {
			path = "/"
		}
		if on, ok := set[path]; ok {
			return on, path
		}
	}
	return false, ""
}

func onOff(on bool) string {
	if on {
		return "on"
	}
	return "off"
}

// whoForm reads the scope in the form.
func whoForm(r *http.Request) admin.ScopeInput {
	form := r.PostForm
	in := admin.ScopeInput{OrgUnits: []admin.OrgUnitInput{}, AccessGroups: list(form["accessGroups"]), Groups: list(form["groups"]), Domains: list(form["domains"])}
	states := form["state"]
	for i, path := range form["unit"] {
		if i < len(states) && states[i] != "" {
			in.OrgUnits = append(in.OrgUnits, admin.OrgUnitInput{Path: path, On: states[i] == "on"})
		}
	}
	return in
}

// list is never nil, trimmed, and without empty or double entries.
func list(values []string) []string {
	out := []string{}
	for _, v := range values {
		v = strings.ToLower(strings.TrimSpace(v))
		if v != "" && !slices.Contains(out, v) {
			out = append(out, v)
		}
	}
	return out
}

func (p *Pages) saveWho(w http.ResponseWriter, r *http.Request) error {
	in := whoForm(r)
	v := whoView{}
	action, argument, _ := strings.Cut(r.PostForm.Get("do"), ":")
	switch action {
	case "save":
		found, err := p.propose(w, r, admin.Proposal{Scope: &in}, stepFrames)
		if err != nil || found == nil {
			return err
		}
		v.Problems, v.Refused = found, true
		return p.showWho(w, r, http.StatusUnprocessableEntity, in, v)
	case "add-groups":
		in.Groups = list(append(in.Groups, argument))
	case "add-accessGroups":
		in.AccessGroups = list(append(in.AccessGroups, argument))
	case "remove-groups":
		in.Groups = slices.DeleteFunc(in.Groups, func(g string) bool { return g == argument })
	case "remove-accessGroups":
		in.AccessGroups = slices.DeleteFunc(in.AccessGroups, func(g string) bool { return g == argument })
	default: // search, or only count
		if err := p.search(r, "groups", &v.Groups); err != nil {
			return err
		}
		if err := p.search(r, "accessGroups", &v.Access); err != nil {
			return err
		}
	}
	return p.showWho(w, r, http.StatusOK, in, v)
}

// search finds the groups for what was typed.
func (p *Pages) search(r *http.Request, field string, g *groupPicker) error {
	g.Query = strings.TrimSpace(r.PostForm.Get("find-" + field))
	if g.Query == "" {
		return nil
	}
	found, err := p.service.Groups(r.Context(), g.Query)
	if err != nil {
		return err
	}
	g.Found, g.Searched = found, true
	return nil
}
