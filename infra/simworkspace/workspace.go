package simworkspace

import (
	"fmt"
	"math/rand/v2"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"example.com/autoprovision/shared/clock"
)

// restoreWindow is how long a deleted user is listed and can come back
// (https://developers.google.com/workspace/admin/directory/v1/guides/manage-users).
const restoreWindow = 20 * 24 * time.Hour

// Options are what a Workspace can do without.
type Options struct {
	// Domain is the primary domain; example.com when empty.
	Domain string
	// Clock dates what happens to users; nil for the machine's time.
	Clock clock.Business
	// Now is real time, in which channels and stale reads expire; nil for the machine's.
	Now clock.Real
	// Push delivers notifications; nil for a client with a time-out of ten seconds.
	Push *http.Client
	// Keep is given the whole state after each call that may have changed it,
	// before anybody sees the change; its error makes the call fail. Nil keeps nothing.
	Keep func(state []byte) error
}

// Workspace is one customer's simulated directory.
type Workspace struct {
	clock   clock.Business
	now     clock.Real
	push    *http.Client
	keep    func(state []byte) error // nil while nothing is kept
	handler http.Handler

	faults *faultBox
	calls  *counters

	mu         sync.RWMutex // guards what follows
	source     *rand.PCG    // of rng
	rng        *rand.Rand
	revision   int64
	customerID string
	created    time.Time
	domains    []domain // the primary one first
	units      map[string]*unit
	rootID     string
	schemas    []*schema
	// users are replaced, never changed in place, so that a stale read can show the one before.
	users   map[string]*user
	byEmail []*user // present users by primary address
	deleted map[string]*user
	before  map[string]formerUser
	groups  map[string]*group
	// addresses leads from every address and alias to the id of its user or group.
	addresses map[string]string
	// derived caches nested members by group id; emptied when a membership changes.
	derivedMu sync.Mutex
	derived   map[string][]member
	channels  map[string]*channel
	audit     *auditSink // nil while entries are sent nowhere
}

// New returns a Workspace with a primary domain and a root org unit and nobody
// in it (see Seed and Populate). Close it to end the delivery of notifications.
func New(seed uint64, opts *Options) *Workspace {
	if opts == nil {
		opts = &Options{}
	}
	w := &Workspace{
		clock: opts.Clock, now: opts.Now, push: opts.Push, keep: opts.Keep,
		faults:    newFaultBox(),
		calls:     newCounters(),
		source:    rand.NewPCG(seed, 0),
		units:     map[string]*unit{},
		users:     map[string]*user{},
		deleted:   map[string]*user{},
		before:    map[string]formerUser{},
		groups:    map[string]*group{},
		addresses: map[string]string{},
		derived:   map[string][]member{},
		channels:  map[string]*channel{},
	}
	w.rng = rand.New(w.source)
	if w.clock == nil {
		w.clock = clock.System
	}
	if w.now == nil {
		w.now = clock.System
	}
	if w.push == nil {
		w.push = &http.Client{Timeout: 10 * time.Second}
	}
	name := strings.ToLower(opts.Domain)
	if name == "" {
		name = "example.com"
	}
	w.created = w.clock()
	w.customerID = "C0" + w.letters(7)
	w.domains = []domain{{name: name, primary: true, created: w.created}}
	root := &unit{id: "id:03" + w.letters(13), path: "/", revision: w.nextRevision()}
	w.rootID = root.id
	w.units[root.id] = root
	w.handler = w.routes()
	return w
}

// Handler serves the Directory API and the control API.
func (w *Workspace) Handler() http.Handler { return w.handler }

// Close stops every channel and the audit log, and waits for their deliveries to end.
func (w *Workspace) Close() {
	w.SendAudit("")
	w.mu.Lock()
	channels := w.channels
	w.channels = map[string]*channel{}
	w.mu.Unlock()
	for _, ch := range channels {
		ch.stop()
	}
	for _, ch := range channels {
		<-ch.ended
	}
}

// CustomerID is the id of the customer.
func (w *Workspace) CustomerID() string { return w.customerID }

// UserID returns the id of the present user with an address or alias.
func (w *Workspace) UserID(address string) (id string, ok bool) {
	w.mu.RLock()
	defer w.mu.RUnlock()
	u, err := w.userByKey(address)
	if err != nil {
		return "", false
	}
	return u.id, true
}

// digits returns a directory id: 21 digits, past what 64 bits hold.
func (w *Workspace) digits() string {
	return fmt.Sprintf("1%010d%010d", w.rng.Int64N(1e10), w.rng.Int64N(1e10))
}

func (w *Workspace) letters(n int) string {
	const alphabet = "0123456789abcdefghijklmnopqrstuvwxyz"
	out := make([]byte, n)
	for i := range out {
		out[i] = alphabet[w.rng.IntN(len(alphabet))]
	}
	return string(out)
}

func (w *Workspace) nextRevision() int64 {
	w.revision++
	return w.revision
}

// etag is quoted as Google's are.
func etag(id string, revision int64) string {
	return `"` + id + "/" + strconv.FormatInt(revision, 36) + `"`
}

// stamp is a time as the Directory API writes it.
func stamp(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05.000Z") }
