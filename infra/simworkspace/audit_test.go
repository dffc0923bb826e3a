package simworkspace

import (
	"encoding/json"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"example.com/autoprovision/shared/audit"
)

// subscriber keeps the names of the events that were sent to it.
type subscriber struct {
	mu    sync.Mutex
	got   []string
	codes []int // to answer with, in turn; then 204
}

func (s *subscriber) RoundTrip(req *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(req.Body)
	if err != nil {
		return nil, err
	}
	entry, err := audit.Unwrap(body)
	if err != nil || req.Header.Get("Ce-Type") != "google.cloud.pubsub.topic.v1.messagePublished" {
		return nil, err
	}
	e, err := audit.Parse(entry)
	if err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	code := http.StatusNoContent
	if len(s.codes) > 0 {
		code, s.codes = s.codes[0], s.codes[1:]
	}
	if code == http.StatusNoContent {
		for _, event := range e.Events {
			s.got = append(s.got, event.Name+" "+event.Group+strings.Join(event.Users, " ")+event.MemberKind+event.OrgUnit)
		}
	}
	return &http.Response{StatusCode: code, Body: http.NoBody, Request: req}, nil
}

// take waits until all is sent, and returns it sorted, since messages have no order.
func (s *subscriber) take() []string {
	<-time.After(time.Minute) // of the bubble
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	got := s.got
	s.got = nil
	slices.Sort(got)
	return got
}

func audited(t *testing.T, s *subscriber) *Workspace {
	t.Helper()
	w := New(1, &Options{Push: &http.Client{Transport: s}})
	w.Seed(DefaultCompany())
	return w
}

func TestAuditOfEveryChange(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &subscriber{}
		w := audited(t, s)
		defer w.Close()
		const ana = "maya.cohen@example.com"
		ok(t, w, "PATCH", "/users/"+ana, `{"suspended":true}`)
		if got := s.take(); len(got) != 0 {
			t.Errorf("sent without being asked: %q", got)
		}
		w.SendAudit("https://audit.invalid/")
		id := ok(t, w, "POST", "/users", `{"primaryEmail":"new@example.com","name":{"givenName":"N","familyName":"N"}}`)["id"].(string)
		for _, step := range []struct{ method, path, body, want string }{
			{"PATCH", "/users/" + id, `{"archived":true,"name":{"givenName":"M"}}`, "archiveuser new@example.com, changefirstname new@example.com, createuser new@example.com"},
			{"PATCH", "/users/" + id, `{"primaryEmail":"newer@example.com","orgUnitPath":"/"}`, "renameuser new@example.com newer@example.com"},
			{"PATCH", "/users/" + id, `{"phones":[{"value":"1"}]}`, "changeuserorganization newer@example.com"},
			{"POST", "/groups", `{"email":"g@example.com","name":"G"}`, "creategroup g@example.com"},
			{"POST", "/groups/g@example.com/members", `{"email":"newer@example.com"}`,
				"addgroupmember g@example.comnewer@example.com, updatemembership g@example.comuser"},
			{"DELETE", "/groups/g@example.com/members/newer@example.com", "",
				"removegroupmember g@example.comnewer@example.com, updatemembership g@example.comuser"},
			{"DELETE", "/groups/g@example.com", "", "deletegroup g@example.com"},
			{"POST", "/customer/my_customer/orgunits", `{"name":"Unit","parentOrgUnitPath":"/"}`, "createorgunit /Unit"},
			{"PATCH", "/customer/my_customer/orgunits/Unit", `{"name":"Other"}`, "editorgunitname /Unit"},
			{"DELETE", "/customer/my_customer/orgunits/Other", "", "removeorgunit /Other"},
			{"POST", "/customer/my_customer/domains", `{"domainName":"second.example"}`, "addsecondarydomain "},
			{"DELETE", "/users/" + id, "", "deleteuser newer@example.com"},
			{"POST", "/users/" + id + "/undelete", `{}`, "undeleteuser newer@example.com"},
		} {
			ok(t, w, step.method, step.path, step.body)
			if got := strings.Join(s.take(), ", "); got != step.want {
				t.Errorf("%s %s: sent %q, want %q", step.method, step.path, got, step.want)
			}
		}
	})
}

func TestAuditFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &subscriber{codes: []int{503, 401}}
		w := audited(t, s)
		defer w.Close()
		w.SendAudit("https://audit.invalid/")
		suspend := func(name string) {
			t.Helper()
			ok(t, w, "PATCH", "/users/"+name+"@example.com", `{"suspended":true}`)
		}
		suspend("maya.cohen")
		if got := s.take(); len(got) != 1 {
			t.Errorf("refused twice: %q", got)
		}
		w.SetFaults(Faults{DropAudits: 1, DuplicateAudits: 1})
		suspend("yuki.tanaka")
		if got := s.take(); len(got) != 0 {
			t.Errorf("dropped: %q", got)
		}
		ok(t, w, "PATCH", "/users/yuki.tanaka@example.com", `{"suspended":false}`)
		if got := s.take(); len(got) != 2 {
			t.Errorf("sent twice: %q", got)
		}
		w.SetFaults(Faults{DelayAuditsMS: 3_600_000})
		suspend("yuki.tanaka")
		if got := s.take(); len(got) != 0 {
			t.Errorf("delayed: %q", got)
		}
		<-time.After(time.Hour)
		if got := s.take(); len(got) != 1 {
			t.Errorf("after the delay: %q", got)
		}
	})
}

func TestAuditControl(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s := &subscriber{}
		w := audited(t, s)
		defer w.Close()
		for _, url := range []string{"https://audit.invalid/", ""} {
			body, err := json.Marshal(map[string]string{"url": url})
			if err != nil {
				t.Fatal(err)
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodPut, "http://sim/sim/audit", strings.NewReader(string(body)))
			if err != nil {
				t.Fatal(err)
			}
			resp, err := w.Transport().RoundTrip(req)
			if err != nil || resp.StatusCode != http.StatusOK {
				t.Fatalf("%v %v", resp, err)
			}
			resp.Body.Close()
			ok(t, w, "PATCH", "/users/maya.cohen@example.com", `{"notes":{"value":"`+url+`"}}`)
			if got := s.take(); (len(got) == 1) != (url != "") {
				t.Errorf("to %q: sent %q", url, got)
			}
		}
	})
}
