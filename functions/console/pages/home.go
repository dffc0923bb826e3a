package pages

import (
	"net/http"
	"slices"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// homeRows is how many rows of each list the first page shows.
const homeRows = 6

type homeView struct {
	Status string
	App    string
	Since  moment
	// Refused is true when the app refuses the token, also while it is off.
	Refused bool
	Held    *heldView
	Sweep   *sweepView
	// Said tells how far the sweep is to who does not see it; empty where the
	// script has that on the page already, since it would be read out again.
	Said     string
	Lost     moment
	Items    []attentionView
	MoreItem bool
	Usage    usageView
	Due      []personRow
	MoreDue  bool
	Sources  []sourceRow
	// Over is true for the script's last poll of a sweep: what else is on the page
	// follows without the page being loaded, and with it what is being entered.
	// HeldMoved is then true where the list on the page is not the open one.
	Over, HeldMoved bool
}

func (v homeView) underWay() bool { return v.Sweep != nil && v.Sweep.Running }

func (v homeView) over() flash {
	switch {
	case v.Sweep == nil:
		return flash{}
	case v.Sweep.Failed:
		return flash{Text: "The sweep failed.", Failed: true}
	}
	return flash{Text: "The sweep has ended."}
}

// Polled is true where the script reads the progress again.
func (v homeView) Polled() bool { return v.underWay() }

func (p *Pages) home(w http.ResponseWriter, r *http.Request) error {
	ctx := r.Context()
	st, err := p.service.Status(ctx)
	if err != nil {
		return err
	}
	c := st.Configuration
	v := homeView{Status: st.Status, App: p.service.Profile.Name, Since: momentAt(c.TurnedOnAt, st.Now),
		Refused: c.Authorization.State == provision.NeedsReauthorizing, Lost: momentAt(c.Authorization.LostAt, st.Now), Sweep: viewSweep(st)}
	if st.Held != nil {
		if v.Held, err = p.held(r, st, "", homeRows); err != nil {
			return err
		}
	}
	items, next, err := p.service.AttentionBesideHeld(ctx, homeRows+3) // two of them may be announced apart
	if err != nil {
		return err
	}
	items = slices.DeleteFunc(items, func(item provision.Attention) bool { return v.announces(item) })
	if v.Items, err = p.attention(ctx, st.Now, items[:min(len(items), homeRows)]); err != nil {
		return err
	}
	v.MoreItem = len(items) > homeRows || next != ""
	counts, err := p.service.Usage(ctx, usageDays)
	if err != nil {
		return err
	}
	v.Usage = viewUsage(counts, st.Now)
	due, next, err := p.service.PendingPage(ctx, "", homeRows)
	if err != nil {
		return err
	}
	v.Due, v.MoreDue = p.rows(due, st.Now), next != ""
	if st.Status != admin.StatusNotConfigured {
		report, err := p.service.Health.Report(ctx)
		if err != nil {
			return err
		}
		v.Sources = sources(report, p.service.Real())
	}
	if v.underWay() && r.URL.Query().Get("said") != v.Sweep.Stage {
		v.Said = "A sweep is under way: " + v.Sweep.Stage + "."
	}
	if r.Header.Get("HX-Request") != "" && !v.underWay() {
		if v.Refused || !c.On { // the page is another one
			p.refreshOnce(w, r, v)
		} else {
			v.Over, v.Said = true, v.over().Text
			v.HeldMoved = st.Held == nil || st.Held.ID != r.URL.Query().Get("list")
		}
	}
	return p.render(w, r, "home", "Home", v)
}

// announces reports whether the page says a thing in a card of its own already.
func (v homeView) announces(item provision.Attention) bool {
	return item.About == provision.AboutSweep && v.Sweep != nil ||
		item.Kind == provision.AttentionConfiguration && v.Refused && item.Since.Equal(v.Lost.At)
}

// sweepView is how far a sweep is.
type sweepView struct {
	Running, Failed bool
	Reason          string
	Stage           string
	Listed          int
	Looked, ToLook  int
	Ended           moment
}

func viewSweep(st admin.Status) *sweepView {
	sw := st.Sweep
	if sw == nil {
		return nil
	}
	v := &sweepView{Running: sw.State == provision.SweepQueued || sw.State == provision.SweepRunning, Failed: sw.State == provision.SweepFailed,
		Reason: whole(sw.Reason), Listed: sw.Listed, Looked: sw.Looked, ToLook: sw.ToLook, Ended: momentAt(sw.FinishedAt, st.Now)}
	switch {
	case sw.State == provision.SweepQueued:
		v.Stage = "about to begin"
	case sw.Stage == "list":
		v.Stage = "reading the directory"
	default:
		v.Stage = "checking people"
	}
	return v
}

func (p *Pages) sweepNow(w http.ResponseWriter, r *http.Request) error {
	if err := p.service.Sweep(r.Context()); err != nil {
		return err
	}
	return p.done(w, r, "/", "A sweep has begun: everybody in the directory is compared with "+p.service.Profile.Name+".")
}

type confirmView struct {
	App string
	// Preview is the id of a preview whose removals turning on releases; empty for none.
	Preview string
	Removes int
	// Missing says what must be set before; empty when nothing.
	Missing string
	// Protected are the protected people, whose protection goes with the configuration; empty for nobody.
	Protected string
}

func (p *Pages) turnOnPage(w http.ResponseWriter, r *http.Request) error {
	st, err := p.service.Status(r.Context())
	if err != nil {
		return err
	}
	if st.Status == admin.StatusNotConfigured {
		return p.done(w, r, "/setup", "Finish the set-up first; then autoprovisioning can be turned on.")
	}
	if st.Configuration.On {
		return p.done(w, r, "/", "Autoprovisioning is on already.")
	}
	v := confirmView{App: p.service.Profile.Name}
	if id := r.URL.Query().Get("preview"); id != "" {
		preview, err := p.service.PreviewByID(r.Context(), id)
		if err != nil {
			return err
		}
		v.Preview, v.Removes = id, preview.Confirms
	}
	return p.render(w, r, "turnon", "Turn on autoprovisioning", v)
}

func (p *Pages) turnOn(w http.ResponseWriter, r *http.Request) error {
	err := p.service.TurnOn(r.Context(), r.PostForm.Get("preview"))
	if fault.Is(err, fault.Unready) {
		return p.renderAs(w, r, http.StatusConflict, "turnon", "Turn on autoprovisioning", confirmView{App: p.service.Profile.Name, Missing: whole(withApp(p.service.Profile.Name, fault.Words(err)))})
	}
	if fault.Is(err, fault.Conflict) {
		return p.newReview(w, r, flash{Text: "Not turned on: " + fault.Words(err) + ". This is a new one.", Failed: true})
	}
	if err != nil {
		return err
	}
	return p.done(w, r, "/", "Autoprovisioning is on. The first sweep compares the directory with "+p.service.Profile.Name+" now.")
}

func (p *Pages) turnOffPage(w http.ResponseWriter, r *http.Request) error {
	st, err := p.service.Status(r.Context())
	switch {
	case err != nil:
		return err
	case st.Status == admin.StatusNotConfigured:
		return p.done(w, r, "/", "Autoprovisioning is not set up yet, so there is nothing to turn off.")
	case !st.Configuration.On:
		return p.done(w, r, "/", "Autoprovisioning is off already.")
	}
	return p.render(w, r, "turnoff", "Turn off autoprovisioning", confirmView{App: p.service.Profile.Name})
}

func (p *Pages) turnOff(w http.ResponseWriter, r *http.Request) error {
	if err := p.service.TurnOff(r.Context()); err != nil {
		return err
	}
	return p.done(w, r, "/", "Autoprovisioning is off. Nothing is done in "+p.service.Profile.Name+" until you turn it on again; the configuration is kept.")
}
