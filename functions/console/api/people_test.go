package api_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

func marshal(t *testing.T, v any) string {
	t.Helper()
	data, err := json.Marshal(v)
	check(t, err)
	return string(data)
}

func unmarshal(t *testing.T, text string) (v any) {
	t.Helper()
	check(t, json.Unmarshal([]byte(text), &v))
	return v
}

func TestOnePersonsLife(t *testing.T) {
	t.Parallel()
	w := on(t)
	ana := w.want(http.StatusOK, "GET", user("ana@example.com"), "")
	same := w.want(http.StatusOK, "GET", app+"/users/"+ana["id"].(string), "")
	if diff := cmp.Diff(ana, same); diff != "" {
		t.Errorf("by address and by id:\n%s", diff)
	}
	if ana["inScope"] != true || ana["directory"] != "active" || ana["next"] != nil || get(t, ana, "account.state") != "active" ||
		get(t, ana, "events.0.name") != provision.EventCreate || get(t, ana, "applied").(object)["userName"] != "ana@example.com" {
		t.Errorf("ana %v", ana)
	}
	look := w.want(http.StatusOK, "POST", user("ana@example.com")+"/reconcile", "")
	if len(look["done"].([]any)) != 0 || look["waiting"] != nil || look["id"] != ana["id"] {
		t.Errorf("a look with nothing to do: %v", look)
	}

	w.want(http.StatusOK, "PUT", app+"/deprovisioning", `{"appOff":{"suspendAfter":"7d","deleteAfter":"21d"},"suspended":{},"deleted":{}}`)
	w.want(http.StatusOK, "PUT", app+"/scope", scopeOf(`{"path":"/Sales","on":true}`))
	ana = w.until(user("ana@example.com"), func(u object) bool { return u["next"] != nil })
	since, err := time.Parse(time.RFC3339, get(t, ana, "conditions.0.since").(string))
	check(t, err)
	wantTime := func(path string, at time.Time) {
		t.Helper()
		got, err := time.Parse(time.RFC3339, get(t, ana, path).(string))
		if err != nil || !got.Equal(at) || !strings.HasSuffix(get(t, ana, path).(string), "Z") {
			t.Errorf("%s is %v, want %v", path, got, at)
		}
	}
	wantTime("conditions.0.suspendAt", since.AddDate(0, 0, 7))
	wantTime("conditions.0.deleteAt", since.AddDate(0, 0, 21))
	if ana["inScope"] != false || len(ana["reasons"].([]any)) == 0 || get(t, ana, "conditions.0.name") != "appOff" ||
		get(t, ana, "next.operation") != "suspend" || get(t, ana, "next.heldBy") != nil {
		t.Errorf("ana out of scope: %v", ana)
	}
	w.until(app+"/pending", func(l object) bool { return len(l["items"].([]any)) == 2 })
	if events := get(t, w.want(http.StatusOK, "GET", app+"/pending?pageSize=1", ""), "items.0.events").([]any); len(events) != 0 {
		t.Errorf("pending shows events: %v", events)
	}

	w.swept()
	w.want(http.StatusOK, "POST", app+"/turnOff", "")
	look = w.want(http.StatusOK, "POST", user("ana@example.com")+"/reconcile", "")
	if look["waiting"] != "autoprovisioning is off" || get(t, look, "next.heldBy") != "off" {
		t.Errorf("a look while off: %v", look)
	}
}

func TestALookSaysWhatItDid(t *testing.T) {
	t.Parallel()
	w := on(t)
	w.want(http.StatusOK, "POST", app+"/turnOff", "")
	w.want(http.StatusOK, "POST", app+"/turnOn", "")
	w.swept()
	r := httptest.NewRequestWithContext(t.Context(), "PATCH", "/admin/directory/v1/users/"+url.PathEscape("ben@example.com"), strings.NewReader(`{"name":{"familyName":"Other"}}`))
	r.Header.Set("Content-Type", "application/json")
	rec := httptest.NewRecorder()
	w.directory.Handler().ServeHTTP(rec, r)
	if rec.Code != http.StatusOK {
		t.Fatalf("%d %s", rec.Code, rec.Body)
	}
	look := w.want(http.StatusOK, "POST", user("ben@example.com")+"/reconcile", "")
	if diff := cmp.Diff([]any{"update"}, look["done"]); diff != "" {
		t.Errorf("done (-want +got):\n%s", diff)
	}
}

// all reads a list page by page, and the number of items of each page.
func (w *world) all(path string, size int) (items []any, sizes []int) {
	w.t.Helper()
	join := "?"
	if strings.Contains(path, "?") {
		join = "&"
	}
	for token := ""; ; {
		page := w.want(http.StatusOK, "GET", fmt.Sprintf("%s%spageSize=%d&pageToken=%s", path, join, size, url.QueryEscape(token)), "")
		list := page["items"].([]any)
		items, sizes = append(items, list...), append(sizes, len(list))
		next, more := page["nextPageToken"].(string)
		if !more {
			return items, sizes
		}
		token = next
	}
}

// TestHeldPages: who is held, and why, is read page by page, under the id that confirms it.
func TestHeldPages(t *testing.T) {
	t.Parallel()
	w := on(t)
	at := w.now().UTC()
	for i := range 3 {
		_, err := w.system.Store.Commit(t.Context(), state.Change{Record: provision.Record{UserID: fmt.Sprint("9", i), Lifecycle: provision.Active,
			Email: fmt.Sprintf("held%d@example.com", i), Reasons: []string{"the app is off for them"},
			Hold: &provision.Hold{Operation: provision.Suspend, Condition: provision.ConditionAppOff, HeldAt: at}}})
		check(t, err)
	}
	items, sizes := w.all(app+"/held", 2)
	if diff := cmp.Diff([]int{2, 1}, sizes); diff != "" {
		t.Errorf("sizes of pages (-want +got):\n%s", diff)
	}
	want := object{"userId": "92", "email": "held2@example.com", "operation": "suspend", "condition": "appOff",
		"since": at.Format(time.RFC3339Nano), "reasons": []any{"the app is off for them"}}
	if diff := cmp.Diff(want, object(items[2].(map[string]any))); diff != "" {
		t.Errorf("the last row (-want +got):\n%s", diff)
	}
}

func TestListsPage(t *testing.T) {
	t.Parallel()
	w := on(t)
	for i := range 3 {
		rec := provision.Record{UserID: fmt.Sprint("9", i), Lifecycle: provision.Active, Account: provision.Link{State: provision.AccountNone},
			Next: &provision.Pending{Operation: provision.Suspend, At: w.now().AddDate(1, 0, 0)},
			Attention: []provision.Attention{{Kind: provision.AttentionFailed, Why: fmt.Sprint("a", i)},
				{Kind: provision.AttentionDrift, Why: fmt.Sprint("b", i)}}}
		_, err := w.system.Store.Commit(t.Context(), state.Change{Record: rec})
		check(t, err)
	}
	check(t, w.system.Store.PutOrphans(t.Context(), []provision.Orphan{{AccountID: "1"}, {AccountID: "2"}, {AccountID: "3"}}))
	for path, want := range map[string][]int{
		"/events": {2, 2, 2, 1}, "/pending": {2, 1}, "/orphans": {2, 1}, "/attention": {2, 2, 2},
		"/directory/orgUnits": {2, 1}, "/directory/groups?query=e": {2}, "/usage?days=3": {2, 1},
	} {
		items, sizes := w.all(app+path, 2)
		whole, _ := w.all(app+path, 500)
		if diff := cmp.Diff(want, sizes); diff != "" {
			t.Errorf("%s: sizes of pages (-want +got):\n%s", path, diff)
		}
		if diff := cmp.Diff(whole, items); diff != "" {
			t.Errorf("%s: page by page is not the whole:\n%s", path, diff)
		}
	}
	one, _ := w.all(app+"/attention", 1)
	var why []any
	for _, item := range one {
		why = append(why, get(t, item, "why"))
	}
	if diff := cmp.Diff([]any{"a0", "b0", "a1", "b1", "a2", "b2"}, why); diff != "" {
		t.Errorf("attention, one by one (-want +got):\n%s", diff)
	}
}

func TestWizardOffersTheDirectory(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	units, _ := w.all(app+"/directory/orgUnits", 100)
	var paths []any
	for _, unit := range units {
		paths = append(paths, get(t, unit, "path"))
	}
	if diff := cmp.Diff([]any{"/", "/Eng", "/Sales"}, paths); diff != "" {
		t.Errorf("org units (-want +got):\n%s", diff)
	}
	if found, _ := w.all(app+"/directory/groups?query=eng", 100); len(found) != 1 || get(t, found[0], "email") != "eng@example.com" {
		t.Errorf("groups %v", found)
	}
	attributes, _ := w.all(app+"/directory/attributes", 100)
	if len(attributes) == 0 || get(t, attributes[0], "path") == "" || get(t, attributes[0], "label") == "" {
		t.Errorf("attributes %v", attributes)
	}
}

func TestUsageHasEveryDay(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	today := w.now().Truncate(24 * time.Hour)
	add := func(ago int, name string, outcome provision.Outcome) {
		e := provision.Event{ID: w.system.Admin.NewID(), Time: today.AddDate(0, 0, -ago), Name: name, Outcome: outcome}
		check(t, w.system.Store.Append(t.Context(), e))
	}
	add(0, provision.EventCreate, provision.OutcomeDone)
	add(0, provision.EventCreate, provision.OutcomeDone)
	add(0, provision.EventCreate, provision.OutcomeFailed)
	add(2, provision.EventSuspend, provision.OutcomeRefused)
	add(3, provision.EventSuspend, provision.OutcomeDone)
	day := func(ago, creates, failures int) any {
		return object{"day": today.AddDate(0, 0, -ago).Format(time.DateOnly), "failures": float64(failures), "counts": object{
			provision.EventCreate: float64(creates), provision.EventUpdate: 0.0, provision.EventSuspend: 0.0,
			provision.EventUnsuspend: 0.0, provision.EventHardDelete: 0.0}}
	}
	got, _ := w.all(app+"/usage?days=3", 100)
	if diff := cmp.Diff([]any{day(2, 0, 1), day(1, 0, 0), day(0, 2, 1)}, got); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
	if month, _ := w.all(app+"/usage", 100); len(month) != 30 {
		t.Errorf("%d days without asking", len(month))
	}
}

func TestEventsAreFilteredAndExported(t *testing.T) {
	t.Parallel()
	w := on(t)
	start := w.now().Add(-20 * 24 * time.Hour)
	many := make([]provision.Event, 1200)
	for i := range many {
		many[i] = provision.Event{ID: fmt.Sprintf("e%04d", i), Time: start.Add(time.Duration(i) * time.Second), Name: provision.EventNotice,
			Outcome: provision.OutcomeRefused, Error: "=HYPERLINK(\"http://evil.example\"), said the app"}
	}
	many[0].Error, many[1].Error, many[2].Error, many[3].Error = "+1", "-1", "@x", "\tx"
	check(t, w.system.Store.Append(t.Context(), many...))

	count := func(query string) int {
		t.Helper()
		items, _ := w.all(app+"/events?"+query, 500)
		return len(items)
	}
	for query, want := range map[string]int{
		"user=ana@example.com": 1, "name=" + url.QueryEscape(provision.EventCreate): 3, "outcome=refused": 1200,
		"outcome=refused&from=" + start.Add(1190*time.Second).Format(time.RFC3339Nano):                                        10,
		"outcome=refused&from=" + start.Format(time.RFC3339Nano) + "&to=" + start.Add(5*time.Second).Format(time.RFC3339Nano): 5,
	} {
		if got := count(query); got != want {
			t.Errorf("%s: %d events, want %d", query, got, want)
		}
	}

	for _, name := range provision.EventNames() {
		count("name=" + url.QueryEscape(name))
	}
	for query, names := range map[string][]string{"name=suspend": provision.EventNames(), "outcome=maybe": {"done", "failed", "refused"}} {
		detail := w.want(http.StatusUnprocessableEntity, "GET", app+"/events?"+query, "")["detail"].(string)
		for _, name := range names {
			if !strings.Contains(detail, name) {
				t.Errorf("%s: %q does not name %q", query, detail, name)
			}
		}
	}

	r := httptest.NewRequestWithContext(t.Context(), "GET", app+"/events?outcome=refused", nil)
	r.Header.Set("Authorization", "Bearer "+adminToken)
	r.Header.Set("Accept", "text/csv")
	rec := w.serve(r)
	if rec.Code != http.StatusOK || !strings.HasPrefix(rec.Header().Get("Content-Type"), "text/csv") {
		t.Fatalf("status %d, %v", rec.Code, rec.Header())
	}
	table, err := csv.NewReader(rec.Body).ReadAll()
	check(t, err)
	if len(table) != 1201 {
		t.Fatalf("%d rows, want all pages and the header", len(table))
	}
	if diff := cmp.Diff([]string{"id", "time", "name", "userId", "email", "accountId", "outcome", "condition", "since", "deadline", "cause", "error"}, table[0]); diff != "" {
		t.Errorf("header (-want +got):\n%s", diff)
	}
	for _, row := range table[1:] {
		if text := row[11]; text[0] != '\'' {
			t.Fatalf("a spreadsheet would run %q", text)
		}
	}
	again := w.send("GET", app+"/events?format=csv&outcome=refused&pageSize=1", "")
	if rows, err := csv.NewReader(again.Body).ReadAll(); err != nil || len(rows) != 1201 {
		t.Errorf("format=csv: %d rows, %v", len(rows), err)
	}
	r.Header.Set("Accept", "application/json, text/csv")
	decode(t, w.serve(r))
}
