package pages

import (
	"net/http"
	"strconv"

	"example.com/autoprovision/shared/provision"
)

type orphansView struct {
	App  string
	Rows []provision.Orphan
	Next string
	// Unknown is true before the first sweep, Sweeping during one.
	Unknown, Sweeping bool
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
	v := orphansView{App: p.service.Profile.Name, Rows: rows, Next: next, Unknown: st.Sweep == nil}
	v.Sweeping = !v.Unknown && st.Sweep.State == provision.SweepRunning
	return p.render(w, r, "orphans", "Orphans", v)
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
