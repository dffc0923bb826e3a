package api_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// mishap is a store to which things happen at the worst moment.
type mishap struct {
	state.Store
	// afterEdit runs once an edit is stored.
	afterEdit atomic.Pointer[func()]
	// overtake makes this many commits lose against another worker's.
	overtake atomic.Int64
	// onePage makes every further page of events fail.
	onePage atomic.Bool
}

func (m *mishap) PutConfiguration(ctx context.Context, c provision.Configuration, events ...provision.Event) (int64, error) {
	version, err := m.Store.PutConfiguration(ctx, c, events...)
	if f := m.afterEdit.Swap(nil); f != nil {
		(*f)()
	}
	return version, err
}

func (m *mishap) Commit(ctx context.Context, change state.Change) (int64, error) {
	if m.overtake.Add(-1) >= 0 {
		other := change
		other.Record.LookedAt = other.Record.LookedAt.Add(1)
		if _, err := m.Store.Commit(ctx, other); err != nil {
			return 0, err
		}
	}
	return m.Store.Commit(ctx, change)
}

func (m *mishap) Events(ctx context.Context, f state.EventFilter) ([]provision.Event, string, error) {
	if m.onePage.Load() && f.Token != "" {
		return nil, "", fault.New(fault.Unavailable, "state: events", "the disk is gone")
	}
	return m.Store.Events(ctx, f)
}

func newMishap(t *testing.T) (*world, *mishap) {
	t.Helper()
	m := &mishap{}
	w := newWorldOver(t, func(s state.Store) state.Store {
		m.Store = s
		return m
	})
	w.configure()
	return w, m
}

func TestATurnOnSweepsAlsoWhenTheCallerIsGone(t *testing.T) {
	t.Parallel()
	w, m := newMishap(t)
	ctx, cancel := context.WithCancel(t.Context())
	leave := func() { cancel() }
	m.afterEdit.Store(&leave)
	r := httptest.NewRequestWithContext(ctx, "POST", app+"/turnOn", nil)
	r.Header.Set("Authorization", "Bearer "+adminToken)
	w.serve(r)
	w.swept()
	if n := len(w.comeet.Accounts()); n != 3 {
		t.Errorf("%d accounts", n)
	}
}

func TestDeletingTheConfigurationBearsOtherWorkers(t *testing.T) {
	t.Parallel()
	w, m := newMishap(t)
	rec := provision.Record{UserID: "9", Email: "x@example.com", Account: provision.Link{ID: "a", State: provision.AccountActive},
		Conditions: []provision.Condition{{Name: provision.ConditionAppOff, Since: w.now()}}}
	_, err := m.Store.Commit(t.Context(), state.Change{Record: rec})
	check(t, err)
	m.overtake.Store(1)
	w.want(http.StatusOK, "DELETE", app, "")
	got, err := m.Record(t.Context(), "9")
	check(t, err)
	if len(got.Conditions) != 0 || got.Account.ID != "a" || m.overtake.Load() >= 0 {
		t.Errorf("record after the delete: %+v", got)
	}
}

func TestAnExportThatBreaksOffIsNoWholeOne(t *testing.T) {
	t.Parallel()
	w, m := newMishap(t)
	for range 501 {
		check(t, m.Append(t.Context(), provision.Event{ID: w.system.Admin.NewID(), Time: w.now(), Name: provision.EventNotice, Outcome: provision.OutcomeDone}))
	}
	m.onePage.Store(true)
	defer func() {
		if v := recover(); v != http.ErrAbortHandler {
			t.Errorf("the connection is not cut: %v", v)
		}
	}()
	w.send("GET", app+"/events?format=csv", "")
}
