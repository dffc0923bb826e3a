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
}

func (p *Pages) orphansPage(w http.ResponseWriter, r *http.Request) error {
	rows, next, err := p.service.Orphans(r.Context(), r.URL.Query().Get("page"), pageRows)
	if err != nil {
		return err
	}
	for i := range rows {
		rows[i].Why = sentence(rows[i].Why)
	}
	return p.render(w, r, "orphans", "Orphans", orphansView{App: p.service.Profile.Name, Rows: rows, Next: next})
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
