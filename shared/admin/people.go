package admin

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/reconcile"
	"example.com/autoprovision/shared/state"
)

// personEvents is how many of the last events a person's explanation shows.
const personEvents = 20

// UserID finds the directory id of a user given by id, by present primary
// address, or by the last address of a deleted one; fault.NotFound for an
// address that nobody has.
func (s *Service) UserID(ctx context.Context, key string) (string, error) {
	if !strings.Contains(key, "@") {
		return key, nil
	}
	u, err := s.Directory.UserByEmail(ctx, key)
	if err == nil {
		return u.ID, nil
	}
	if !fault.Is(err, fault.NotFound, fault.Invalid) {
		return "", err
	}
	records, err := s.Store.RecordsByEmail(ctx, key)
	if err != nil {
		return "", err
	}
	var last provision.Record
	for _, rec := range records {
		if last.UserID == "" || rec.LookedAt.After(last.LookedAt) {
			last = rec
		}
	}
	if last.UserID == "" {
		return "", fault.New(fault.NotFound, "", "nobody has this address now, and no deleted person had it last")
	}
	return last.UserID, nil
}

// Person explains one user, given by id or address.
func (s *Service) Person(ctx context.Context, key string) (Person, error) {
	id, err := s.UserID(ctx, key)
	if err != nil {
		return Person{}, err
	}
	return s.explain(ctx, id)
}

func (s *Service) explain(ctx context.Context, id string) (Person, error) {
	e, err := s.Reconciler.Explain(ctx, id)
	if fault.Is(err, fault.Invalid) {
		err = fault.New(fault.NotFound, "", "there is no user with this id or address")
	}
	if err != nil {
		return Person{}, err
	}
	if e.Look.User.Lifecycle == provision.Unknown && e.Stored.Version == 0 {
		return Person{}, fault.New(fault.NotFound, "", "there is no user with this id or address")
	}
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return Person{}, err
	}
	p := Explain(c, e.Look, e.Decision, s.Business())
	if p.Desired == nil && p.MappingError == "" && len(e.Look.User.Resource) > 0 { // nothing would be written, but it can be shown
		p.Desired, err = s.Mapper.Apply(c, e.Look.User)
		if err != nil && !fault.Is(err, fault.Invalid, fault.Incomplete) {
			return Person{}, err
		}
	}
	p.Events, _, err = s.Store.Events(ctx, state.EventFilter{UserID: id, Limit: personEvents})
	return p, err
}

// lookPatience is how long Reconcile waits for another worker on the same user, in real time.
const lookPatience = 20 * time.Second

// Reconcile looks at one user now, in this call, bringing retries forward. It
// returns what was done, and in a sentence why no more.
func (s *Service) Reconcile(ctx context.Context, key string) (Person, reconcile.Result, error) {
	id, err := s.UserID(ctx, key)
	if err != nil {
		return Person{}, reconcile.Result{}, err
	}
	if _, err := s.explain(ctx, id); err != nil {
		return Person{}, reconcile.Result{}, err
	}
	req := reconcile.Request{UserID: id, Forced: true}
	res, err := s.look(ctx, req)
	if err != nil {
		err = errors.Join(err, s.lookLater(ctx, req))
	}
	if fault.Is(err, fault.Unavailable, fault.Throttled) {
		res.Waiting = fault.Words(err)
	} else if err != nil {
		return Person{}, res, err
	}
	p, err := s.explain(ctx, id)
	return p, res, err
}

// look looks, and waits for its turn while another worker acts on the user.
func (s *Service) look(ctx context.Context, req reconcile.Request) (reconcile.Result, error) {
	deadline := s.Real().Add(lookPatience)
	for {
		res, err := s.Reconciler.Look(ctx, req)
		if !fault.Is(err, fault.Unready) || !s.Real().Before(deadline) {
			return res, err
		}
		if err := s.Sleep(ctx, 200*time.Millisecond); err != nil {
			return res, err
		}
	}
}

// lookLater hands a look that did not end to the queue, since whoever asked for
// it may not ask again, and the next sweep may be hours away (R4).
func (s *Service) lookLater(ctx context.Context, req reconcile.Request) error {
	cause := "asked-" + s.Business().Format(time.RFC3339Nano)
	return s.Tasks.Enqueue(context.WithoutCancel(ctx), reconcile.LookTask(req, cause, time.Time{}))
}

// Records are what is known of users, by directory id, without a look; nothing
// of those without a record.
func (s *Service) Records(ctx context.Context, userIDs []string) (map[string]provision.Record, error) {
	records := make(map[string]provision.Record, len(userIDs))
	userIDs = slices.Clone(userIDs)
	slices.Sort(userIDs)
	for ids := range slices.Chunk(slices.Compact(userIDs), 500) { // as many as are read at once
		some, err := s.Store.RecordsByID(ctx, ids)
		if err != nil {
			return nil, err
		}
		maps.Copy(records, some)
	}
	return records, nil
}

// PendingPage is one page of the coming suspends and hard deletes, by time.
func (s *Service) PendingPage(ctx context.Context, token string, limit int) ([]Person, string, error) {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return nil, "", err
	}
	records, next, err := s.Store.Select(ctx, state.Selection{Kind: state.SelectPending, Token: token, Limit: limit})
	if err != nil {
		return nil, "", err
	}
	people := make([]Person, len(records))
	for i, rec := range records {
		people[i] = s.fromRecord(c, rec)
	}
	return people, next, nil
}

// fromRecord is a person as our record has them, without a look.
func (s *Service) fromRecord(c provision.Configuration, rec provision.Record) Person {
	p := personOf(c, rec, s.Business())
	p.Directory = rec.Lifecycle
	p.scoped(true, rec.InScope, rec.Reasons)
	return p
}

// AttentionPage is one page of what needs a person: faults of configuration and
// the held list first, then people by user id. A record may hold several
// entries, so a token says at which place of the records its page begins, and
// how many entries from there have been given already.
func (s *Service) AttentionPage(ctx context.Context, token string, limit int) ([]provision.Attention, string, error) {
	return s.attentionPage(ctx, token, limit, true)
}

// AttentionBesideHeld is the first page of the same without the held list, for
// who shows that apart: naming everybody on it costs a read of each.
func (s *Service) AttentionBesideHeld(ctx context.Context, limit int) ([]provision.Attention, string, error) {
	return s.attentionPage(ctx, "", limit, false)
}

func (s *Service) attentionPage(ctx context.Context, token string, limit int, withHeld bool) ([]provision.Attention, string, error) {
	given, place := 0, ""
	if token != "" {
		number, rest, found := strings.Cut(token, ".")
		n, err := strconv.Atoi(number)
		if !found || err != nil || n < 0 {
			return nil, "", fault.Field("pageToken", "the page token is not one of this list; begin with the first page")
		}
		given, place = n, rest
	}
	var list []provision.Attention
	if place == "" {
		first, err := s.attentionAtLarge(ctx)
		if err != nil {
			return nil, "", err
		}
		list = first
		if withHeld {
			held, err := s.attentionHeld(ctx)
			if err != nil {
				return nil, "", err
			}
			list = append(list, held...)
		}
	}
	records, next, err := s.Store.Select(ctx, state.Selection{Kind: state.SelectAttention, Token: place, Limit: limit})
	if err != nil {
		return nil, "", err
	}
	for _, rec := range records {
		list = append(list, rec.Attention...)
	}
	list = list[min(given, len(list)):]
	if len(list) > limit {
		return list[:limit], strconv.Itoa(given+limit) + "." + place, nil
	}
	if next != "" {
		next = "0." + next
	}
	return list, next, nil
}

func (s *Service) attentionAtLarge(ctx context.Context) ([]provision.Attention, error) {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return nil, err
	}
	list := append([]provision.Attention(nil), c.Faults...)
	for i := range list { // a fault of configuration is what a sweep finds wrong with the scope
		list[i].About = provision.AboutScope
	}
	sources, err := s.Store.Sources(ctx)
	if err != nil {
		return nil, err
	}
	for _, review := range sources.Reviews {
		if review.Open(s.Business(), c.ScopeSavedAt) {
			list = append(list, review.Attention())
		}
	}
	if c.Authorization.State == provision.NeedsReauthorizing {
		list = append(list, provision.Attention{Kind: provision.AttentionConfiguration, UserIDs: []string{},
			Why: "The app refuses the access token, so nothing is done.", Todo: "Get an access token from the app and reauthorize.", Since: c.Authorization.LostAt,
			About: provision.AboutAuthorization})
	}
	if c.Failing() {
		list = append(list, provision.Attention{Kind: provision.AttentionFailed, UserIDs: []string{},
			Why:  "The app does not answer properly, so what is due waits.",
			Todo: "Nothing for now: it is tried again automatically, and nothing is lost. If it goes on for hours, ask the app's support.", Since: c.FailingSince})
	}
	sw, err := s.Sweeper.Current(ctx)
	if err != nil {
		return nil, err
	}
	if c.On && sw != nil && sw.State == provision.SweepFailed {
		todo := "Press Sweep now to try again; otherwise the next sweep starts by itself within a few hours."
		if !c.Runs() {
			todo = "Reauthorize first: a sweep follows by itself."
		}
		list = append(list, provision.Attention{Kind: provision.AttentionConfiguration, UserIDs: []string{},
			Why: "The last sweep failed: " + sw.Reason, Since: sw.FinishedAt, About: provision.AboutSweep,
			Todo: todo})
	}
	return list, nil
}

// attentionHeld is the held list as one entry that names everybody on it; none when nothing is held.
func (s *Service) attentionHeld(ctx context.Context) ([]provision.Attention, error) {
	held := provision.Attention{Kind: provision.AttentionHeld, UserIDs: []string{},
		Why: "More accounts would change at once than your limit allows.", Todo: "Look at who and why, then confirm or dismiss."}
	err := s.eachHeld(ctx, func(rec provision.Record) error {
		held.UserIDs = append(held.UserIDs, rec.UserID)
		if held.Since.IsZero() || rec.Hold.HeldAt.Before(held.Since) {
			held.Since = rec.Hold.HeldAt
		}
		return nil
	})
	if err != nil || len(held.UserIDs) == 0 {
		return nil, err
	}
	return []provision.Attention{held}, nil
}

// Orphans is one page of the accounts that no person in scope stands behind (R17).
func (s *Service) Orphans(ctx context.Context, token string, limit int) ([]provision.Orphan, string, error) {
	return s.Store.Orphans(ctx, token, limit)
}

// Events is one page of the log, newest first, of the last 30 days (R14).
func (s *Service) Events(ctx context.Context, f state.EventFilter) ([]provision.Event, string, error) {
	if oldest := s.Business().Add(-provision.EventRetention); f.From.Before(oldest) {
		f.From = oldest
	}
	return s.Store.Events(ctx, f)
}

// Usage counts the events of the last days in UTC, today among them, by day, name and outcome.
func (s *Service) Usage(ctx context.Context, days int) ([]state.DayCount, error) {
	if days < 1 || days > 30 {
		return nil, fault.Field("days", "choose 1 to 30 days: the log is kept for 30")
	}
	today := s.Business().UTC().Truncate(24 * time.Hour)
	return s.Store.Usage(ctx, today.AddDate(0, 0, 1-days))
}

// Groups finds groups for the wizard.
func (s *Service) Groups(ctx context.Context, query string) ([]directory.Group, error) {
	return s.Directory.SearchGroups(ctx, query)
}

// OrgUnits is the tree for the wizard.
func (s *Service) OrgUnits(ctx context.Context) ([]directory.OrgUnit, error) {
	return s.Directory.OrgUnits(ctx)
}

// Attributes is what a mapping can read.
func (s *Service) Attributes(ctx context.Context) ([]directory.Attribute, error) {
	return s.Directory.Attributes(ctx)
}

// Probe finds out what the app supports; it only reads.
func (s *Service) Probe(ctx context.Context) (app.Report, error) {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return app.Report{}, err
	}
	if c.Authorization.State == provision.AuthorizationNone || c.Authorization.State == "" {
		return app.Report{}, fault.New(fault.Unready, "", "authorize with the app's access token first")
	}
	prober, err := s.Apps.Prober(ctx, c)
	if err != nil {
		return app.Report{}, err
	}
	report, err := prober.Probe(ctx)
	if err != nil {
		return report, fmt.Errorf("asking the app: %w", err)
	}
	return report, nil
}
