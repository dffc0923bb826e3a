package push

import (
	"context"
	"encoding/json"
	"strings"
	"testing"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/hint"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
)

const (
	fuzzedToken   = "channel-token-of-ours"
	fuzzedChannel = "channel-1"
)

type oneToken struct{ secrets.Store }

func (oneToken) Version(context.Context, string, string) (secrets.Value, error) {
	return secrets.NewValue(fuzzedToken), nil
}

type oneChannel struct{ Store }

func (oneChannel) Channels(context.Context) ([]state.PushChannel, error) {
	return []state.PushChannel{{ID: fuzzedChannel}}, nil
}

func (oneChannel) Sources(context.Context) (provision.Sources, error) {
	return provision.Sources{ChannelToken: "1"}, nil
}

// FuzzReceive sends any notification. Without our token nothing follows; with
// it at most looks at the one user that the body names; and no error repeats
// what came.
func FuzzReceive(f *testing.F) {
	body := []byte(`{"kind":"admin#directory#user","id":"111220860655841818702","etag":"\"x\"","primaryEmail":"ana@example.com"}`)
	f.Add(fuzzedToken, fuzzedChannel, "update", body)
	f.Add(fuzzedToken, fuzzedChannel, "sync", []byte{})
	f.Add(fuzzedToken, "another", "delete", body)
	f.Add("wrong", fuzzedChannel, "update", body)
	f.Add("", fuzzedChannel, "update", body)
	for _, odd := range []string{`{"id":"a/b"}`, `{"id":7}`, `{"id":"` + strings.Repeat("1", 65) + `"}`, `[]`, `null`, `{"ID":"1","id":"2"}`, `{"id":"a@b"}`, "{"} {
		f.Add(fuzzedToken, fuzzedChannel, "update", []byte(odd))
	}
	f.Fuzz(func(t *testing.T, token, channel, state string, body []byte) {
		q := &queue{}
		heard := 0
		c := New(Ports{Store: oneChannel{}, Secrets: oneToken{}, Real: clock.System, Hints: hint.New(q, clock.System, "p"), Heard: func(context.Context) { heard++ }})
		err := c.Receive(t.Context(), Message{ChannelID: channel, Token: token, State: state, Body: body})
		if token != fuzzedToken && (!fault.Is(err, fault.Unauthorized) || len(q.tasks) > 0 || heard > 0) {
			t.Fatalf("a stranger: %v, %d tasks, heard %d", err, len(q.tasks), heard)
		}
		if channel != fuzzedChannel && len(q.tasks) > 0 {
			t.Fatal("a channel that is forgotten was heard")
		}
		if err != nil && (!fault.Is(err, fault.Unauthorized, fault.Invalid) || strings.Contains(err.Error(), fuzzedToken) || strings.Contains(err.Error(), "@")) {
			t.Fatalf("error %v", err)
		}
		var user struct{ ID string }
		named := json.Unmarshal(body, &user) == nil
		if len(q.tasks) > 2 {
			t.Fatalf("%d tasks for one notification", len(q.tasks))
		}
		for _, task := range q.tasks {
			var req reconcile.Request
			if err := json.Unmarshal(task.Body, &req); err != nil || !named || req.UserID != user.ID || req.Forced || req.Absent || req.Listing != nil {
				t.Fatalf("%s asks for %s", body, task.Body)
			}
		}
	})
}
