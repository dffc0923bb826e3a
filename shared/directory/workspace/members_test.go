package workspace_test

import (
	"errors"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/fault"
)

func TestHasMember(t *testing.T) {
	t.Parallel()
	answer, members, listed := `{"isMember":false}`, `{"members":[{"id":"c","type":"CUSTOMER"}]}`, 0
	now := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	client, err := workspace.New(t.Context(), &http.Client{Transport: network(func(req *http.Request) (*http.Response, error) {
		if strings.Contains(req.URL.Path, "/hasMember/") {
			if answer == "" {
				return reply(400, refusal(400, "invalid"))
			}
			return reply(200, answer)
		}
		listed++
		return reply(200, members)
	})}, &workspace.Options{Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	maxAge := time.Minute
	check := func(what string, want bool, listings int) {
		t.Helper()
		got, err := client.HasMember(t.Context(), "g", "1", maxAge)
		if err != nil || got != want || listed != listings {
			t.Errorf("%s: got %v, %v after %d listings, want %v after %d", what, got, err, listed, want, listings)
		}
	}
	check("no, but everyone is a member", true, 1)
	check("the same within a minute", true, 1)
	members = `{"members":[{"id":"2","type":"USER"}]}`
	now = now.Add(time.Minute + time.Second)
	check("no, a minute later", false, 2)
	members = `{"members":[{"id":"c","type":"CUSTOMER"}]}`
	now, maxAge = now.Add(3*time.Second), 2*time.Second
	check("no, where a reading of the moment is demanded: everyone is a member again", true, 3)
	check("of the same moment", true, 3)
	answer = `{"isMember":true}`
	check("yes", true, 3)
	answer = "" // 400: the group is listed each time
	members = `{"members":[{"id":"2","type":"USER"}]}`
	check("another domain, not listed", false, 4)
	members = `{"members":[{"id":"1","type":"USER"}]}`
	check("another domain, listed", true, 5)
	answer = `{}` // without the key: the group is listed too
	check("no key, listed", true, 6)
	answer = `{"isMember":"yes"}`
	if _, err := client.HasMember(t.Context(), "g", "1", maxAge); !fault.Is(err, fault.Incomplete) {
		t.Errorf("with an odd key: got %v", err)
	}
}

// TestHasMemberNested: where a group is listed, the groups in it are too, round a circle only once.
func TestHasMemberNested(t *testing.T) {
	t.Parallel()
	client := answering(t, map[string]string{
		"groups/g/hasMember/1": `{}`,
		"groups/g/hasMember/2": `{}`,
		"groups/g/members":     `{"members":[{"id":"sub","type":"GROUP"}]}`,
		"groups/sub/members":   `{"members":[{"id":"g","type":"GROUP"},{"id":"1","type":"USER"}]}`,
	})
	for id, want := range map[string]bool{"1": true, "2": false} {
		if got, err := client.HasMember(t.Context(), "g", id, 0); err != nil || got != want {
			t.Errorf("%s: %v, %v, want %v", id, got, err, want)
		}
	}
}

// TestR13HasMemberHidden: a group nested in the one asked about may not be read.
// That makes every no unknown, be it the directory's own or that of the listing,
// at once and when it is remembered, and no yes.
func TestR13HasMemberHidden(t *testing.T) {
	t.Parallel()
	answers := map[string]string{"members": `{"members":[{"id":"sub","type":"GROUP","email":"sub@example.com"},{"id":"1","type":"USER"}]}`}
	client := newClient(t, network(func(req *http.Request) (*http.Response, error) {
		_, call, _ := strings.Cut(req.URL.Path, "/groups/g/")
		switch answer := answers[call]; {
		case answer != "":
			return reply(200, answer)
		case call != "":
			return reply(400, refusal(400, "invalid"))
		}
		return reply(403, refusal(403, "forbidden"))
	}))
	answers["hasMember/3"], answers["hasMember/4"] = `{"isMember":false}`, `{"isMember":true}`
	for range 2 {
		for id, want := range map[string]bool{"1": true, "4": true} {
			if got, err := client.HasMember(t.Context(), "g", id, time.Minute); got != want || err != nil {
				t.Errorf("%s: %v, %v, want %v", id, got, err, want)
			}
		}
		for _, id := range []string{"2", "3"} {
			_, err := client.HasMember(t.Context(), "g", id, time.Minute)
			var hidden *directory.HiddenGroup
			if !errors.As(err, &hidden) || hidden.ID != "sub" || hidden.Email != "sub@example.com" {
				t.Errorf("%s: %v, want that a group is hidden", id, err)
			}
		}
	}
}

// TestHasMemberShared: many who leave at one moment cost one listing of the group.
func TestHasMemberShared(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var listings atomic.Int32
		client := newClient(t, network(func(req *http.Request) (*http.Response, error) {
			if strings.Contains(req.URL.Path, "/hasMember/") {
				return reply(200, `{"isMember":false}`)
			}
			listings.Add(1)
			time.Sleep(time.Second)
			return reply(200, `{"members":[{"id":"2","type":"USER"}]}`)
		}))
		var all sync.WaitGroup
		for range 10 {
			all.Go(func() {
				if got, err := client.HasMember(t.Context(), "g", "1", 0); got || err != nil {
					t.Errorf("got %v, %v", got, err)
				}
			})
		}
		all.Wait()
		if n := listings.Load(); n != 1 {
			t.Errorf("%d listings", n)
		}
	})
}

// TestR13HasMemberJoinedTooLate: the whole company becomes a member while the
// group is being listed. Who needs to know it as it was two seconds before they
// asked is not answered by a listing that somebody else had begun before that.
func TestR13HasMemberJoinedTooLate(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var members atomic.Value
		members.Store(`{"members":[{"id":"2","type":"USER"}]}`)
		client := newClient(t, network(func(req *http.Request) (*http.Response, error) {
			if strings.Contains(req.URL.Path, "/hasMember/") {
				return reply(200, `{"isMember":false}`)
			}
			answer := members.Load().(string)
			time.Sleep(10 * time.Second)
			return reply(200, answer)
		}))
		var all sync.WaitGroup
		all.Go(func() {
			if got, err := client.HasMember(t.Context(), "g", "1", 2*time.Second); got || err != nil {
				t.Errorf("asked first: got %v, %v", got, err)
			}
		})
		time.Sleep(5 * time.Second)
		members.Store(`{"members":[{"id":"c","type":"CUSTOMER"}]}`)
		if got, err := client.HasMember(t.Context(), "g", "1", 2*time.Second); !got || err != nil {
			t.Errorf("asked when everyone was a member: got %v, %v", got, err)
		}
		all.Wait()
	})
}
