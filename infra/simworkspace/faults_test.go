package simworkspace

import (
	"fmt"
	"testing"
	"testing/synctest"
	"time"
)

func TestFaultsOfCalls(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	ok(t, w, "POST", "/sim/faults", `{"throttle":2,"methods":["users.get"]}`)
	ok(t, w, "GET", "/users?customer=my_customer", "")
	refused(t, w, "GET", "/users/maya.cohen@example.com", "", 403, "userRateLimitExceeded")
	refused(t, w, "GET", "/users/maya.cohen@example.com", "", 403, "userRateLimitExceeded")
	ok(t, w, "GET", "/users/maya.cohen@example.com", "")

	w.SetFaults(Faults{Throttle: 1, ThrottleStatus: 429})
	refused(t, w, "GET", "/users/maya.cohen@example.com", "", 429, "rateLimitExceeded")
	w.SetFaults(Faults{ServerErrors: 1, ServerErrorStatus: 500, Throttle: 1})
	refused(t, w, "GET", "/users/maya.cohen@example.com", "", 500, "backendError")
	refused(t, w, "GET", "/users/maya.cohen@example.com", "", 403, "userRateLimitExceeded")
	w.SetFaults(Faults{RedirectTo: "http://elsewhere.invalid/"})
	if code, _ := do(t, w, "GET", "/users/maya.cohen@example.com", ""); code != 307 {
		t.Errorf("redirect: %d", code)
	}
	refused(t, w, "POST", "/sim/faults", `{"throtle":2}`, 400, "invalid")
	ok(t, w, "DELETE", "/sim/faults", "")
	ok(t, w, "GET", "/users/maya.cohen@example.com", "")

	if got := ok(t, w, "GET", "/sim/calls", ""); got["users.get"] != 8.0 || got["users.list"] != 1.0 {
		t.Errorf("calls %v", got)
	}
	ok(t, w, "DELETE", "/sim/calls", "")
	if got := w.Calls(); len(got) != 0 {
		t.Errorf("after the reset: %v", got)
	}
}

func TestRateAndLatency(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		w := New(1, nil)
		defer w.Close()
		w.SetFaults(Faults{PerMinute: 120, LatencyMS: 100})
		start, granted := time.Now(), 0
		for range 100 {
			if code, _ := do(t, w, "GET", "/customers/my_customer", ""); code == 200 {
				granted++
			}
		}
		if took := time.Since(start); took != 10*time.Second || granted < 19 || granted > 22 {
			t.Errorf("%d calls granted in %v", granted, took)
		}
	})
}

func TestFaultsOfAnswers(t *testing.T) {
	t.Parallel()
	w := start(t, 1)
	const members = "/groups/recruiting@example.com/members"
	for count, want := range map[string]string{"": "6", "0": "0"} {
		w.SetFaults(Faults{EmptyGroups: []string{"recruiting@example.com"}, DirectMembersCount: count})
		if got := ok(t, w, "GET", members, ""); got["members"] != nil {
			t.Errorf("got %v", got)
		}
		if got := ok(t, w, "GET", "/groups/recruiting@example.com", "")["directMembersCount"]; got != want {
			t.Errorf("count %v, want %s", got, want)
		}
	}
	w.SetFaults(Faults{NoUsersKey: 1, HideUsers: []string{"maya.cohen@example.com"}, MissingKeys: []string{"suspended"}})
	if got := ok(t, w, "GET", "/users?customer=my_customer", ""); got["users"] != nil {
		t.Errorf("got %v", got)
	}
	if got := len(ok(t, w, "GET", "/users?customer=my_customer", "")["users"].([]any)); got != 40 {
		t.Errorf("%d users with one hidden", got)
	}
	if _, has := ok(t, w, "GET", "/users/maya.cohen@example.com", "")["suspended"]; has {
		t.Error("the key is still there")
	}
}

func TestStaleReads(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	w := New(1, &Options{Now: func() time.Time { return now }})
	defer w.Close()
	w.Seed(DefaultCompany())
	w.SetFaults(Faults{StaleMS: 1000})
	const path = "/users/maya.cohen@example.com"
	id := ok(t, w, "GET", path, "")["id"].(string)
	check := func(what string, code int, suspended any) {
		t.Helper()
		got, _ := do(t, w, "GET", "/users/"+id, "")
		if got != code {
			t.Errorf("%s: %d, want %d", what, got, code)
		} else if code == 200 {
			if user := ok(t, w, "GET", "/users/"+id, ""); user["suspended"] != suspended {
				t.Errorf("%s: suspended %v", what, user["suspended"])
			}
		}
	}
	ok(t, w, "PATCH", path, `{"suspended":true}`)
	check("just suspended", 200, false)
	now = now.Add(time.Second)
	check("a second later", 200, true)
	ok(t, w, "DELETE", path, "")
	check("just deleted", 200, true)
	now = now.Add(time.Second)
	check("deleted", 404, nil)
	id = ok(t, w, "POST", "/users", `{"primaryEmail":"new@example.com","name":{"givenName":"N","familyName":"N"}}`)["id"].(string)
	check("just created", 404, nil)
	now = now.Add(time.Second)
	check("created", 200, false)
}

func TestCyclesEnd(t *testing.T) {
	t.Parallel()
	w := New(1, nil)
	defer w.Close()
	w.mu.Lock() // the API makes no cycle, but a directory may have one
	a, b := w.addGroup("a@example.com", "", ""), w.addGroup("b@example.com", "", "")
	w.addMember(a, member{id: b.id, kind: memberGroup})
	w.addMember(b, member{id: a.id, kind: memberGroup})
	w.mu.Unlock()
	list := ok(t, w, "GET", "/groups/a@example.com/members?includeDerivedMembership=true", "")["members"].([]any)
	if len(list) != 2 {
		t.Errorf("got %s", fmt.Sprint(list))
	}
}
