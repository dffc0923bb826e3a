package pages

import (
	"net/http"
	"slices"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// heldView is the list of held operations, or one page of it (R12).
type heldView struct {
	App    string
	List   string
	People int
	Since  moment
	Limit  string
	Rows   []heldRow
	Next   string
	Error  string
	// Blocked says why nothing can be decided now; empty when it can.
	Blocked string
	// Whole is true when Rows is the whole list.
	Whole bool
	// All is true when all on the list were chosen, in a form that comes back.
	All bool
}

type heldRow struct {
	ID        string
	Person    personLink
	Called    string
	Operation label
	Why       string
	Since     moment
	// Ticked is true for who was chosen in a form that comes back.
	Ticked bool
}

// held reads one page of the open list; st.Held is not nil.
func (p *Pages) held(r *http.Request, st admin.Status, token string, limit int) (*heldView, error) {
	g := st.Configuration.Guard
	v := &heldView{App: p.service.Profile.Name, List: st.Held.ID, People: st.Held.People, Since: momentAt(st.Held.Since, st.Now),
		Limit: "more than " + percent(g.MaxShare) + " of the accounts and more than " + plural(g.MinUsers, "person", "people")}
	records, next, err := p.service.HeldPage(r.Context(), token, limit)
	if err != nil {
		return nil, err
	}
	for _, rec := range records {
		v.Rows = append(v.Rows, heldRow{ID: rec.UserID, Person: personLink{rec.UserID, rec.Email}, Called: rec.Account.Name(), Operation: operationLabel(rec.Hold.Operation),
			Why: sentence(heldWhy(v.App, rec)), Since: momentAt(rec.Hold.HeldAt, st.Now)})
	}
	v.Next, v.Whole = next, token == "" && next == ""
	switch c := st.Configuration; {
	case !c.On:
		v.Blocked = "There is nothing to decide while autoprovisioning is off. Once it is turned on, all time frames count from then, and whatever exceeds the limit is held anew."
	case !c.Runs():
		v.Blocked = "Reauthorize first: nothing can be done while " + v.App + " refuses the access token."
	}
	return v, nil
}

func heldWhy(app string, rec provision.Record) string {
	if rec.Hold.Operation == provision.Create {
		return "their account is not in " + app + " any more, like those of many others"
	}
	return conditionOf(app, rec.Hold.Condition, rec.Reasons)
}

func (p *Pages) heldPage(w http.ResponseWriter, r *http.Request) error {
	return p.showHeld(w, r, http.StatusOK, "")
}

func (p *Pages) showHeld(w http.ResponseWriter, r *http.Request, status int, problem string) error {
	st, err := p.service.Status(r.Context())
	if err != nil {
		return err
	}
	v := &heldView{}
	if st.Held != nil {
		if v, err = p.held(r, st, r.URL.Query().Get("page"), pageRows); err != nil {
			return err
		}
	}
	v.Error = problem
	if status == http.StatusUnprocessableEntity { // of the list as it was sent, what was chosen stays chosen
		v.All = r.PostForm.Get("for") == "all"
		for i, row := range v.Rows {
			v.Rows[i].Ticked = slices.Contains(r.PostForm["user"], row.ID)
		}
	}
	return p.renderAs(w, r, status, "held", "Held for you", v)
}

func (p *Pages) settleHeld(w http.ResponseWriter, r *http.Request) error {
	form := r.PostForm
	verdict := form.Get("verdict")
	if verdict != "confirm" && verdict != "dismiss" { // also what the browser sends when Enter is pressed
		return p.showHeld(w, r, http.StatusUnprocessableEntity, "Press Confirm or Dismiss; nothing was decided.")
	}
	users := form["user"]
	if form.Get("for") == "all" {
		users = nil
	} else if len(users) == 0 {
		return p.showHeld(w, r, http.StatusUnprocessableEntity, "Tick at least one person, or choose all on the list.")
	}
	release := verdict == "confirm"
	err := p.service.DecideHeld(r.Context(), form.Get("list"), users, release)
	if fault.Is(err, fault.Conflict, fault.Invalid) {
		return p.showHeld(w, r, http.StatusConflict, "The list has changed since you looked at it, so nothing was decided. This is the present one.")
	}
	if err != nil {
		return err
	}
	if release {
		return p.done(w, r, "/", "Confirmed. The operations are starting now; follow them in the Log.")
	}
	return p.done(w, r, "/", "Dismissed: nothing is done for them until there is a new reason, or autoprovisioning is turned off and on again.")
}
