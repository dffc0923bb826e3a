package pages

import (
	"net/http"
	"strconv"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

type safetyView struct {
	Protected string
	Share     string
	Min       string
	// Revision tells what the form shows: see revision.
	Revision string
	Problems problems
}

func (p *Pages) safetyPage(w http.ResponseWriter, r *http.Request) error {
	c, of, err := p.draft(r)
	if err != nil {
		return err
	}
	return p.render(w, r, "safety", "Safety", safetyView{Protected: strings.Join(admin.ProtectedOf(c), "\n"),
		Share: strconv.FormatFloat(c.Guard.MaxShare*100, 'f', -1, 64), Min: strconv.Itoa(c.Guard.MinUsers), Revision: revision(of, sectionProtected, sectionGuard)})
}

func (p *Pages) saveSafety(w http.ResponseWriter, r *http.Request) error {
	form := r.PostForm
	v := safetyView{Protected: form.Get("protected"), Share: form.Get("share"), Min: form.Get("min"), Problems: problems{}}
	share, err := strconv.ParseFloat(strings.TrimSpace(v.Share), 64)
	if err != nil || !(share >= 0 && share <= 100) { // also what is no number
		v.Problems["maxShare"] = "write a number of percent from 0 to 100, such as 10"
	}
	least, err := strconv.Atoi(strings.TrimSpace(v.Min))
	if err != nil {
		v.Problems["minUsers"] = "write a whole number of people, such as 5"
	}
	if len(v.Problems) == 0 {
		users := addresses(v.Protected)
		guard := provision.Guard{MaxShare: share / 100, MinUsers: least}
		found, err := p.propose(w, r, admin.Proposal{Protected: &users, Guard: &guard}, "/settings")
		if err != nil || found == nil {
			return err
		}
		v.Problems = gathered(found)
	}
	v.Revision = form.Get("revision")
	return p.renderAs(w, r, http.StatusUnprocessableEntity, "safety", "Safety", v)
}

// addresses are those that a text holds, split by lines, spaces or commas.
func addresses(text string) []string {
	return list(strings.Fields(strings.ReplaceAll(text, ",", " ")))
}

// gathered gathers the problems of each protected address under the one field that holds them.
func gathered(found problems) problems {
	out := problems{}
	for field, text := range found {
		if strings.HasPrefix(field, "users[") {
			field = "users"
		}
		out[field] = strings.TrimPrefix(out[field]+"; "+text, "; ")
	}
	return out
}
