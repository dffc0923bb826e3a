package simworkspace

import (
	"cmp"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// Faults is what goes wrong from now on. Numbers of calls count down; the rest
// stays until the next Faults. Times are real.
type Faults struct {
	// Methods limits latency, throttling, server errors and redirects to these,
	// such as "users.get"; empty for all.
	Methods []string `json:"methods,omitempty"`
	// LatencyMS is added to every call.
	LatencyMS int `json:"latencyMs,omitempty"`
	// Throttle refuses this many calls with ThrottleStatus: 403
	// userRateLimitExceeded (the default) or 429 rateLimitExceeded.
	Throttle       int `json:"throttle,omitempty"`
	ThrottleStatus int `json:"throttleStatus,omitempty"`
	// PerMinute refuses what exceeds this rate in the same way; 0 for no limit.
	PerMinute int `json:"perMinute,omitempty"`
	// ServerErrors answers this many calls with ServerErrorStatus, by default 503.
	ServerErrors      int `json:"serverErrors,omitempty"`
	ServerErrorStatus int `json:"serverErrorStatus,omitempty"`
	// RedirectTo answers with a redirect to this URL.
	RedirectTo string `json:"redirectTo,omitempty"`
	// EmptyGroups, by id or address, list no members and have none; DirectMembersCount
	// is what they then claim to have: empty for the truth, "0" for a lie.
	EmptyGroups        []string `json:"emptyGroups,omitempty"`
	DirectMembersCount string   `json:"directMembersCount,omitempty"`
	// NoUsersKey leaves the users key out of this many pages of users.list.
	NoUsersKey int `json:"noUsersKey,omitempty"`
	// HideUsers, by id or address, are left out of users.list.
	HideUsers []string `json:"hideUsers,omitempty"`
	// MissingKeys are left out of users.get.
	MissingKeys []string `json:"missingKeys,omitempty"`
	// StaleMS is for how long after a change users.get answers the state before it.
	StaleMS int `json:"staleMs,omitempty"`
	// WatchNeedsEvent refuses a channel for every kind of event.
	WatchNeedsEvent bool `json:"watchNeedsEvent,omitempty"`
	// DropPushes and DuplicatePushes are for this many changes; DelayPushesMS delays every notification.
	DropPushes      int `json:"dropPushes,omitempty"`
	DuplicatePushes int `json:"duplicatePushes,omitempty"`
	DelayPushesMS   int `json:"delayPushesMs,omitempty"`
	// DropAudits and DuplicateAudits are for this many entries of the audit log; DelayAuditsMS delays each.
	DropAudits      int `json:"dropAudits,omitempty"`
	DuplicateAudits int `json:"duplicateAudits,omitempty"`
	DelayAuditsMS   int `json:"delayAuditsMs,omitempty"`
}

// faultBox holds the faults that are left.
type faultBox struct {
	mu      sync.Mutex
	left    Faults
	limiter *rate.Limiter
}

func newFaultBox() *faultBox { return &faultBox{} }

// SetFaults replaces all faults; the zero Faults ends them.
func (w *Workspace) SetFaults(f Faults) { w.faults.set(f) }

// Faults returns what is left of the faults that were set.
func (w *Workspace) Faults() Faults {
	w.faults.mu.Lock()
	defer w.faults.mu.Unlock()
	return w.faults.left
}

func (b *faultBox) set(f Faults) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.left, b.limiter = f, nil
	if f.PerMinute > 0 {
		b.limiter = rate.NewLimiter(rate.Every(time.Minute/time.Duration(f.PerMinute)), max(1, f.PerMinute/60))
	}
}

// interfere answers a call itself if a fault says so.
func (b *faultBox) interfere(out http.ResponseWriter, r *http.Request, method string, now time.Time) bool {
	b.mu.Lock()
	f, limiter := b.left, b.limiter
	if len(f.Methods) > 0 && !slices.Contains(f.Methods, method) {
		b.mu.Unlock()
		return false
	}
	countdown(&b.left.ServerErrors)
	if f.ServerErrors == 0 {
		countdown(&b.left.Throttle)
	}
	b.mu.Unlock()
	if f.LatencyMS > 0 && !sleep(r, time.Duration(f.LatencyMS)*time.Millisecond) {
		return true
	}
	switch {
	case f.RedirectTo != "":
		http.Redirect(out, r, f.RedirectTo, http.StatusTemporaryRedirect)
	case f.ServerErrors > 0:
		code := f.ServerErrorStatus
		if code == 0 {
			code = http.StatusServiceUnavailable
		}
		refuse(out, &apiError{code, "backendError", "Backend Error"})
	case f.Throttle > 0, limiter != nil && !limiter.AllowN(now, 1):
		if f.ThrottleStatus == http.StatusTooManyRequests {
			refuse(out, &apiError{http.StatusTooManyRequests, "rateLimitExceeded", "Rate Limit Exceeded"})
		} else {
			refuse(out, &apiError{http.StatusForbidden, "userRateLimitExceeded", "User Rate Limit Exceeded"})
		}
	default:
		return false
	}
	return true
}

// sleep reports whether the caller is still there afterwards.
func sleep(r *http.Request, d time.Duration) bool {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-r.Context().Done():
		return false
	case <-timer.C:
		return true
	}
}

// countdown reports whether there was one left.
func countdown(n *int) bool {
	if *n <= 0 {
		return false
	}
	*n--
	return true
}

func (b *faultBox) emptied(g *group) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.ContainsFunc(b.left.EmptyGroups, func(key string) bool { return key == g.id || strings.EqualFold(key, g.email) })
}

func (b *faultBox) memberCount(g *group, truth string) string {
	if !b.emptied(g) {
		return truth
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return cmp.Or(b.left.DirectMembersCount, truth)
}

func (b *faultBox) dropUsersKey() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return countdown(&b.left.NoUsersKey)
}

func (b *faultBox) hidden() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left.HideUsers
}

func (b *faultBox) missingKeys() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.left.MissingKeys
}

func (b *faultBox) staleFor() time.Duration {
	b.mu.Lock()
	defer b.mu.Unlock()
	return time.Duration(b.left.StaleMS) * time.Millisecond
}

// pushes says how many copies of the next notification go out, and how late.
func (b *faultBox) pushes() (copies int, delay time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return copiesOf(&b.left.DropPushes, &b.left.DuplicatePushes), time.Duration(b.left.DelayPushesMS) * time.Millisecond
}

// audits says the same of the next entry of the audit log.
func (b *faultBox) audits() (copies int, delay time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return copiesOf(&b.left.DropAudits, &b.left.DuplicateAudits), time.Duration(b.left.DelayAuditsMS) * time.Millisecond
}

func copiesOf(drop, duplicate *int) int {
	switch {
	case countdown(drop):
		return 0
	case countdown(duplicate):
		return 2
	}
	return 1
}
