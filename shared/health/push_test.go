package health

import (
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// turnOn makes it on, and swept.
func (w *world) turnOn(t *testing.T) {
	t.Helper()
	c, err := w.store.Configuration(t.Context())
	must(t, err)
	c.On, c.TurnedOnAt, c.SweptAt, c.Scope, c.Policies = true, start, start, &provision.Scope{}, []provision.PolicyEdit{{}}
	c.Authorization.State = provision.AuthorizationOK
	_, err = w.store.PutConfiguration(t.Context(), c)
	must(t, err)
}

func (w *world) open(t *testing.T, id, event string) {
	t.Helper()
	must(t, w.store.PutChannel(t.Context(), state.PushChannel{ID: id, Event: event, ResourceID: "r", OpenedAt: w.at, Expiration: w.at.Add(6 * time.Hour)}))
}

func (w *world) wantPush(t *testing.T, what string, want State) {
	t.Helper()
	r, err := w.Report(t.Context())
	must(t, err)
	if r.Push.State != want {
		t.Errorf("%s: push is %s, want %s", what, r.Push.State, want)
	}
}

// An open channel proves nothing: something between the directory and us may
// stop whatever comes. Each new one says "sync".
func TestPushNeedsProof(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.turnOn(t)
	w.open(t, "a", "")
	w.at = w.at.Add(9 * time.Minute)
	w.wantPush(t, "just opened", Alive)
	w.at = w.at.Add(2 * time.Minute)
	w.wantPush(t, "not a word", Silent)
	must(t, w.Write(t.Context()))
	if line := w.log.String(); !strings.Contains(line, "level=WARN msg=sources push=silent") {
		t.Errorf("logged %s", line)
	}
	w.Push(t.Context())
	w.wantPush(t, "heard", Alive)
	w.at = w.at.Add(5 * time.Hour)
	w.wantPush(t, "nothing changes in a small company", Alive)
	w.Push(t.Context())
	w.at = w.at.Add(30 * time.Second)
	w.open(t, "b", "")
	w.at = w.at.Add(10 * time.Second)
	w.Push(t.Context()) // its sync, too soon after the last message to be stored
	w.at = w.at.Add(time.Hour)
	w.Health = New(w.Ports)
	w.wantPush(t, "heard about when it opened", Alive)
	w.at = w.at.Add(2 * time.Hour)
	w.open(t, "c", "")
	w.at = w.at.Add(11 * time.Minute)
	w.wantPush(t, "not a word through the newest", Silent)
}

// Metrics are of the numbers in the line.
func TestNumbersInTheLine(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	must(t, w.Write(t.Context()))
	if line := w.log.String(); !strings.Contains(line, "pushAgoSeconds=-1 auditAgoSeconds=-1 sweepAgoSeconds=-1 channelsLeftSeconds=-1") {
		t.Errorf("nothing yet: logged %s", line)
	}
	w.turnOn(t)
	w.open(t, "a", "")
	w.Push(t.Context())
	w.at = w.at.Add(time.Hour)
	w.Audit(t.Context(), 0)
	w.at = w.at.Add(time.Minute)
	w.log.Reset()
	must(t, w.Write(t.Context()))
	if line := w.log.String(); !strings.Contains(line, "pushAgoSeconds=3660 auditAgoSeconds=60 sweepAgoSeconds=3660 channelsLeftSeconds=17940") {
		t.Errorf("logged %s", line)
	}
}

// One channel for each kind of change is down until all of them are open.
func TestPushForEachEvent(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.turnOn(t)
	events := directory.UserEvents()
	for _, event := range events[1:] {
		w.open(t, event, event)
	}
	w.Push(t.Context())
	w.wantPush(t, "one is missing", Down)
	w.open(t, events[0], events[0])
	w.wantPush(t, "all are open", Alive)
}
