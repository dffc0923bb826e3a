package pages

import (
	"net/http"
	"strconv"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

type orphansView struct {
	App  string
	Rows []provision.Orphan
	Next string
	// None says why there are none.
	None string
}

func (p *Pages) orphansPage(w http.ResponseWriter, r *http.Request) error {
	rows, next, err := p.service.Orphans(r.Context(), r.URL.Query().Get("page"), pageRows)
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].Why = sentence(rows[i].Why)
	}
	st, err := p.service.Status(r.Context())
	if err != nil {
		return err
	}
	v := orphansView{App: p.service.Profile.Name, Rows: rows, Next: next, None: noOrphans(st)}
	return p.render(w, r, "orphans", "Orphans", v)
}

// noOrphans says what it means that none are known: only a sweep that was done found none.
func noOrphans(st admin.Status) string {
	switch {
	case st.Sweep == nil:
		return "Not known yet: the preview before turning on lists them, and then every sweep does."
	case st.Sweep.State == provision.SweepQueued || st.Sweep.State == provision.SweepRunning:
		return "None so far: a sweep is under way."
	case st.Sweep.State == provision.SweepFailed && st.Configuration.Runs():
		return "Not known: the last sweep failed. Press Sweep now on Home."
	case st.Sweep.State == provision.SweepFailed:
		return "Not known: the last sweep failed."
	}
	return "No orphans were found by the last sweep."
}

func (p *Pages) orphansCSV(w http.ResponseWriter, r *http.Request) error {
	token := ""
	return p.table(w, "orphans.csv", []string{"accountId", "userName", "externalId", "active", "why"}, func() ([][]string, bool, error) {
		orphans, next, err := p.service.Orphans(r.Context(), token, 500)
		rows := make([][]string, len(orphans))
		for i, o := range orphans {
			rows[i] = []string{o.AccountID, o.UserName, o.ExternalID, strconv.FormatBool(o.Active), o.Why}
		}
		token = next
		return rows, next != "", err
	})
}
