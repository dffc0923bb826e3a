package cloud

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"
)

// strike is the end of a function in the middle of its next call of the app or of
// the directory that hits: before that has done what it was asked for, or after
// it, unanswered.
type strike struct {
	function string
	hits     func(r *http.Request) bool
	done     bool
	struck   chan struct{}
}

// struck is a service of which one call is cut off when a strike is due.
func (w *world) struck(service http.Handler) http.Handler {
	return http.HandlerFunc(func(out http.ResponseWriter, r *http.Request) {
		w.mu.Lock()
		s := w.strike
		if s == nil || !s.hits(r) {
			w.mu.Unlock()
			service.ServeHTTP(out, r)
			return
		}
		w.strike = nil
		w.mu.Unlock()
		if s.done {
			service.ServeHTTP(httptest.NewRecorder(), r)
		}
		w.functions[s.function].kill()
		close(s.struck)
	})
}

// strikeDown ends a function in the middle of its next call that hits, which
// begin leads to, sees that its caller notices, and starts it again.
func (w *world) strikeDown(function string, hits func(r *http.Request) bool, done bool, begin func()) {
	w.t.Helper()
	s := &strike{function, hits, done, make(chan struct{})}
	w.mu.Lock()
	w.strike = s
	w.mu.Unlock()
	before := w.front.cutOff(prefix + function)
	begin()
	until(w.t, function+" is struck down", func() bool {
		select {
		case <-s.struck:
			return w.front.cutOff(prefix+function) > before
		default:
			return false
		}
	})
	w.functions[function].start(w.t)
}

func creates(r *http.Request) bool {
	return r.Method == "POST" && strings.HasSuffix(r.URL.Path, "/scim/v2/Users")
}

func suspends(r *http.Request) bool {
	return r.Method == "PATCH" && strings.HasPrefix(r.URL.Path, "/scim/v2/Users/")
}

func listsAccounts(r *http.Request) bool {
	return r.Method == "GET" && strings.HasSuffix(r.URL.Path, "/scim/v2/Users") && !r.URL.Query().Has("filter")
}

func watches(r *http.Request) bool { return strings.HasSuffix(r.URL.Path, "/users/watch") }

// powerCut ends all functions at once, and starts them when nobody waits for the
// dead any more. While time passes nothing is delivered: it would pass for those
// who are alive too, who would have stood still for so long.
func (w *world) powerCut() {
	w.t.Helper()
	w.queue.Hold()
	for _, p := range w.functions {
		p.kill()
	}
	until(w.t, "no delivery is under way", func() bool { return w.queue.Running() == 0 })
	w.advance(4 * time.Minute) // longer than a lease
	for _, p := range w.functions {
		p.start(w.t)
	}
	w.queue.Resume()
}

// killed: while many join and leave, the processes die again and again, most of
// them in the middle of an operation.
func (w *world) killed(t teller) {
	const leavers = 5 // more at once would be held for the administrator (R12)
	began := time.Now()
	for _, done := range []bool{false, true} {
		w.strikeDown("sweep", listsAccounts, done, func() { w.schedule("sweep") })
		w.idle()
	}
	ids := make([]string, 30)
	for i := range ids {
		hire := func() { ids[i] = w.hire(fmt.Sprintf("new%02d", i), "/") }
		again := func(function string) {
			hire()
			w.functions[function].kill()
			w.functions[function].start(t)
		}
		switch i % 6 {
		case 0, 3:
			w.strikeDown("reconcile", creates, i%6 == 3, hire)
		case 1:
			again("directory-push")
		case 4:
			again("audit-event")
		case 5:
			w.schedule("sweep")
			again("sweep")
		default:
			hire()
		}
	}
	w.powerCut()
	w.idle()
	for i, id := range ids[:leavers] {
		leave := func() { w.dir("PATCH", "/users/"+id, object{"suspended": true}) }
		if i < 2 {
			w.strikeDown("reconcile", suspends, i == 1, leave)
		} else {
			leave()
		}
	}
	w.powerCut()
	w.idle()
	w.schedule("renew-channels")
	w.sweep()
	w.settle()
	for i, id := range ids {
		want, suspended := "active", 0
		if i < leavers {
			want, suspended = "suspended", 1
		}
		if got := w.account(id); got != want {
			t.Errorf("%d is %s, not %s", i, got, want)
		}
		if n := w.events(id, "Create User By Auto Provisioning"); n != 1 {
			t.Errorf("%d: %d events of one create", i, n)
		}
		if n := w.events(id, "Suspend Auto Provisioned User"); n != suspended {
			t.Errorf("%d: %d events of a suspend, want %d", i, n, suspended)
		}
	}
	t.Logf("%d joined and %d left under fire, all right after %v", len(ids), leavers, time.Since(began).Round(time.Millisecond))
}

// killedTurningOn: an administrator's console dies when the turn-on is stored, and
// before it has asked for the sweep that a turn-on begins with.
func (w *world) killedTurningOn(t teller) {
	w.pass(day + time.Minute) // those who left are not counted any more (R12)
	w.watched()
	w.idle()
	id := w.hire("fay", "/")
	w.becomes("join", id, "active")
	w.idle()
	w.api("POST", "/turnOff", nil, 200)
	w.dir("PATCH", "/users/"+id, object{"suspended": true})
	w.idle()
	if state := w.account(id); state != "active" {
		t.Fatalf("while it is off: %s", state)
	}
	w.strikeDown("console", watches, false, func() { w.api("POST", "/turnOn", nil, 503) })
	if status := w.api("GET", "", nil, 200)["status"]; status != "on" {
		t.Fatalf("the status is %v", status)
	}
	done, failed := w.said("sweep done"), w.said("sweep failed")
	w.schedule("renew-channels") // which also asks for the sweep that is owed
	w.idle()
	w.swept(done, failed)
	if state, channels := w.account(id), w.workspace.Channels(); state != "suspended" || channels != 1 {
		t.Errorf("who left while it was off is %s, with %d push channels", state, channels)
	}
}
