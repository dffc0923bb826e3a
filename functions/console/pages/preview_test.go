package pages_test

import (
	"encoding/json"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"example.com/autoprovision/shared/admin"
)

// done waits for a preview that is made.
func (w *world) made(path string) string {
	w.t.Helper()
	return w.until(path, func(page string) bool { return strings.Contains(page, `class="tiles"`) })
}

// tiles are the lists of a preview as the page shows them, the number first.
func tiles(t *testing.T, page string) string {
	t.Helper()
	text := tagOf.ReplaceAllString(between(t, page, `class="tiles"`, "</ul>"), " ")
	return strings.Join(strings.Fields(strings.TrimPrefix(text, ">")), " ")
}

// account adds an account to the app by hand.
func (w *world) account(resource map[string]any) {
	w.t.Helper()
	data, err := json.Marshal(resource)
	check(w.t, err)
	r, err := http.NewRequestWithContext(w.t.Context(), "POST", strings.TrimSuffix(w.system.Admin.Connection.BaseURL, "/scim/v2")+"/sim/accounts", strings.NewReader(string(data)))
	check(w.t, err)
	res, err := http.DefaultClient.Do(r)
	check(w.t, err)
	defer res.Body.Close()
	if res.StatusCode >= 300 {
		w.t.Fatalf("an account by hand: %d", res.StatusCode)
	}
}

// TestReviewCountsItsLists: what turning on does says how many of each, an
// adoption among them, and each number leads to those people.
func TestReviewCountsItsLists(t *testing.T) {
	t.Parallel()
	w := configured(t)
	maya, err := w.system.Admin.UserID(t.Context(), "maya.cohen@example.com")
	check(t, err)
	w.account(map[string]any{"userName": "tomas.novak@example.com", "active": true}) // is adopted
	w.account(map[string]any{"userName": "maya.cohen@example.com", "active": true})  // is one of two
	w.account(map[string]any{"userName": "maya", "externalId": maya, "active": true})
	w.account(map[string]any{"userName": "old.intern@example.com", "active": true})
	review := w.post("/setup/review", nil, "/setup/review?preview=")
	page := w.made(review)
	if got, want := tiles(t, page), "38 All 36 Create 1 Adopt 0 Update 0 Unsuspend 0 Suspend 0 Hard delete 1 Conflict 1 Orphans"; got != want {
		t.Errorf("the lists are %q, want %q", got, want)
	}
	rows := cells(page)
	if len(rows) != 39 || !strings.Contains(rows[1][0], "maya.cohen") || rows[1][2] != "Not done" || !strings.Contains(rows[1][3], "2 accounts match") ||
		!strings.Contains(rows[2][0], "tomas.novak") || rows[2][1] != "Adopt" || !strings.Contains(rows[2][3], "exists already") {
		t.Errorf("the first rows are %q", rows[:min(4, len(rows))])
	}
	for list, first := range map[string]string{"create": "ahmed.mansour@example.com", "adopt": "tomas.novak@example.com", "conflicts": "maya.cohen@example.com", "orphans": "old.intern@example.com"} {
		page := w.get(http.StatusOK, review+"&list="+list)
		if n := strings.Count(page, `aria-current="true"`); n != 1 {
			t.Errorf("%s: %d lists are shown as chosen", list, n)
		}
		if rows := cells(page); len(rows) < 2 || !strings.Contains(rows[1][0], first) || list != "create" && len(rows) != 2 {
			t.Errorf("%s: %q", list, rows)
		}
	}
}

// TestEditCountsWhatMoves: an edit says how many deadlines move, and which.
func TestEditCountsWhatMoves(t *testing.T) {
	t.Parallel()
	w := on(t)
	const email = "maya.cohen@example.com"
	path := w.post("/settings/time-frames", frames("suspended", "7d", "21d"), "/previews/")
	w.made(path)
	w.post(path+"/save", nil, "/settings")
	w.patch(email, `{"suspended":true}`)
	w.send("POST", "/people/"+email+"/look", nil)
	path = w.post("/settings/time-frames", frames("suspended", "14d", ""), "/previews/")
	if got, want := tiles(t, w.made(path)), "1 All 0 Create 0 Adopt 0 Update 0 Unsuspend 1 Suspend 0 Hard delete 1 Deadlines that move 1 No longer due 0 Orphans"; got != want {
		t.Errorf("the lists are %q, want %q", got, want)
	}
	for _, list := range []string{"moves", "freed", "suspend"} {
		if rows := cells(w.get(http.StatusOK, path+"?list="+list)); len(rows) != 2 || !strings.Contains(rows[1][0], email) {
			t.Errorf("%s: %q", list, rows)
		}
	}
}

// TestPreviewNamesWhatIsEdited: also what is edited seldom, and one of it all.
func TestPreviewNamesWhatIsEdited(t *testing.T) {
	t.Parallel()
	w := configured(t)
	st, err := w.system.Admin.Status(t.Context())
	check(t, err)
	connection := st.Configuration.Connection
	connection.Concurrency = 2
	protected := []string{"maya.cohen@example.com"}
	for _, test := range []struct {
		proposal   admin.Proposal
		what, back string
	}{
		{admin.Proposal{Connection: &connection}, "your edit of the connection would do", "/settings/connection?draft="},
		{admin.Proposal{Protected: &protected}, "your edit of the protected people and the limit on suspends and hard deletes would do", "/settings/safety?draft="},
		{admin.Proposal{Protected: &protected, Connection: &connection}, "your edit of the configuration would do", "/settings/file?draft="},
	} {
		preview, err := w.system.Admin.Preview(t.Context(), test.proposal)
		check(t, err)
		if page := w.made("/previews/" + url.PathEscape(preview.ID)); !strings.Contains(page, test.what) || !strings.Contains(page, test.back) {
			t.Errorf("the preview does not say %q, or leads back elsewhere than %s", test.what, test.back)
		}
	}
}
