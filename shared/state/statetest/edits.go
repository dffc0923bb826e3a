package statetest

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

func testConfiguration(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	read := func() provision.Configuration {
		t.Helper()
		c, err := s.Configuration(ctx)
		must(t, err)
		return c
	}
	same(t, "a configuration that is not there", read(), provision.Configuration{})
	archived := provision.TimeFrames{SuspendAfter: "1d"}
	c := provision.Configuration{Revision: 4, On: true, TurnedOnAt: at(1),
		Authorization: provision.Authorization{State: provision.AuthorizationOK, VerifiedAt: at(2), SecretVersion: "3"},
		Connection:    provision.Connection{BaseURL: "https://app.example.com", RequestsPerSecond: 2.5, HardDelete: true},
		Mapping:       []provision.MappedAttribute{{App: "userName", Directory: "primaryEmail"}},
		Scope:         &provision.Scope{OrgUnits: []provision.OrgUnitState{{ID: "o", Path: "/", On: true}}, PrimaryDomain: "example.com"},
		Policies:      []provision.PolicyEdit{{Policy: provision.Deprovisioning{Archived: &archived}, SavedAt: at(3)}},
		Unprotected:   map[string]time.Time{"u1": at(4)}, Guard: provision.DefaultGuard}
	version, err := s.PutConfiguration(ctx, c, event("e1", at(5)))
	must(t, err)
	c.Version = version
	same(t, "the configuration", read(), c)
	for what, stale := range map[string]int64{"version 0": 0, "a version to come": version + 1} {
		_, err = s.PutConfiguration(ctx, provision.Configuration{Version: stale}, event("e2", at(6)))
		kind(t, what, err, fault.Conflict)
	}
	same(t, "the configuration after the conflicts", read(), c)
	same(t, "the events after the conflicts", ids(allEvents(t, s, state.EventFilter{})), []string{"e1"})
	c.On = false
	if c.Version, err = s.PutConfiguration(ctx, c); err != nil || c.Version <= version {
		t.Fatalf("version %d after %d, error %v", c.Version, version, err)
	}
	same(t, "the configuration replaced", read(), c)
}

// testEdits lets several edit one thing at a time: no edit and no event is lost.
func testEdits(t *testing.T, open Open) {
	const writers = 8
	s, ctx := open(t).Store, context.Background()
	var all sync.WaitGroup
	for i := range writers {
		all.Go(func() {
			changed, err := state.EditConfiguration(ctx, s, func(c *provision.Configuration) ([]provision.Event, error) {
				c.Revision++
				return []provision.Event{event(name("configuration", i), at(i))}, nil
			})
			if err != nil || !changed {
				t.Errorf("an edit of the configuration: changed %v, error %v", changed, err)
			}
		})
		all.Go(func() {
			changed, err := state.EditSources(ctx, s, func(v *provision.Sources) ([]provision.Event, error) {
				v.Unknown++
				return []provision.Event{event(name("sources", i), at(i))}, nil
			})
			if err != nil || !changed {
				t.Errorf("an edit of the sources: changed %v, error %v", changed, err)
			}
		})
	}
	all.Wait()
	c, err := s.Configuration(ctx)
	must(t, err)
	sources, err := s.Sources(ctx)
	must(t, err)
	if events := allEvents(t, s, state.EventFilter{}); c.Revision != writers || sources.Unknown != writers || len(events) != 2*writers {
		t.Errorf("revision %d, unknown %d, %d events, want %d, %d and %d", c.Revision, sources.Unknown, len(events), writers, writers, 2*writers)
	}

	failed := errors.New("no")
	for _, want := range []error{nil, failed} {
		changed, err := state.EditConfiguration(ctx, s, func(c *provision.Configuration) ([]provision.Event, error) {
			c.Revision = 99
			if want != nil {
				return nil, want
			}
			return nil, state.ErrUnchanged
		})
		if changed || !errors.Is(err, want) {
			t.Errorf("an edit that ends with %v: changed %v, error %v", want, changed, err)
		}
	}
	if c, err = s.Configuration(ctx); err != nil || c.Revision != writers {
		t.Errorf("revision %d, error %v after edits that ended without a change", c.Revision, err)
	}
}

func testSources(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	read := func() provision.Sources {
		t.Helper()
		v, err := s.Sources(ctx)
		must(t, err)
		return v
	}
	same(t, "sources when nothing is stored", read(), provision.Sources{})
	v := provision.Sources{PushAt: at(1), PushHeardAt: at(3), AuditAt: at(2), Unknown: 3, ChannelToken: "7",
		Reviews: []provision.Review{{Key: "k", EventID: "review-1", Why: "why", Todo: "todo", Since: at(1), SeenAt: at(2), Until: at(3), EndsWithScope: true}},
		Groups:  &provision.ScopeGroups{ScopeSavedAt: at(4), Groups: []provision.GroupRef{{ID: "g", Email: "g@example.com"}}}, NewGroups: 5}
	event := provision.Event{ID: "review-1", Time: at(2), Name: provision.EventNotice, Outcome: provision.OutcomeDone}
	version, err := s.PutSources(ctx, v, event)
	must(t, err)
	_, err = s.PutSources(ctx, provision.Sources{}, provision.Event{ID: "review-2", Time: at(2), Name: provision.EventNotice})
	kind(t, "an old version of the sources", err, fault.Conflict)
	v.Version = version
	same(t, "sources", read(), v)
	events, _, err := s.Events(ctx, state.EventFilter{Limit: 10})
	must(t, err)
	same(t, "events of the sources", events, []provision.Event{event})
}
