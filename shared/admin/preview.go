package admin

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"maps"
	"slices"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/sweep"
)

var errMoved = fault.New(fault.Conflict, "", "the configuration has changed since this preview was made: make another")

// fingerprints tells each section of a proposal from any other.
func (p Proposal) fingerprints() map[string]string {
	prints := map[string]string{}
	add := func(name string, set bool, section any) {
		if !set {
			return
		}
		data, err := json.Marshal(section)
		if err != nil {
			panic("admin: section does not marshal: " + err.Error())
		}
		sum := sha256.Sum256(data)
		prints[name] = hex.EncodeToString(sum[:])
	}
	add("mapping", p.Mapping != nil, p.Mapping)
	add("scope", p.Scope != nil, p.Scope)
	add("deprovisioning", p.Deprovisioning != nil, p.Deprovisioning)
	add("protected", p.Protected != nil, p.Protected)
	add("guard", p.Guard != nil, p.Guard)
	add("connection", p.Connection != nil, p.Connection)
	return prints
}

// firstLook is how long a preview is waited for before its progress is answered instead, in real time.
const firstLook = 8 * time.Second

// Preview makes a preview of what the present configuration, or the present
// one with a proposal, would do. It returns when the preview has ended or a few
// seconds have passed; PreviewByID tells how it goes on. It changes nothing.
func (s *Service) Preview(ctx context.Context, p Proposal) (provision.Preview, error) {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return provision.Preview{}, err
	}
	apply, err := s.resolve(ctx, p, c)
	if err != nil {
		return provision.Preview{}, err
	}
	proposed := c.Clone()
	if _, err := apply(&proposed); err != nil {
		return provision.Preview{}, err
	}
	switch {
	case proposed.Authorization.State != provision.AuthorizationOK:
		return provision.Preview{}, fault.New(fault.Unready, "", "authorize with the app's access token first: the preview reads the app")
	case proposed.Scope == nil:
		return provision.Preview{}, fault.New(fault.Unready, "", "set the scope first, or send one with the preview")
	}
	now := s.Real()
	if err := s.Store.ExpirePreviews(ctx, now); err != nil {
		return provision.Preview{}, err
	}
	preview := provision.Preview{ID: s.NewID(), State: provision.PreviewRunning, Revision: c.Revision, CreatedAt: s.Business(),
		ExpiresAt: now.Add(provision.PreviewLifetime), Proposal: p.fingerprints(), Proposed: proposed}
	if len(preview.Proposal) > 0 {
		preview.Present = &c
	}
	if _, err := s.Store.PutPreview(ctx, preview, nil); err != nil {
		return preview, err
	}
	if err := s.Tasks.Enqueue(ctx, sweep.PreviewTask(preview.ID)); err != nil {
		return preview, err
	}
	return s.awaitPreview(ctx, preview.ID)
}

func (s *Service) awaitPreview(ctx context.Context, id string) (provision.Preview, error) {
	deadline := s.Real().Add(firstLook)
	for pause := 10 * time.Millisecond; ; pause = min(2*pause, 200*time.Millisecond) {
		preview, err := s.PreviewByID(ctx, id)
		if err != nil || preview.State != provision.PreviewRunning || s.Real().After(deadline) {
			return preview, err
		}
		if err := s.Sleep(ctx, pause); err != nil {
			return preview, err
		}
	}
}

// PreviewByID reads a preview; fault.NotFound when there is none, or not any more.
func (s *Service) PreviewByID(ctx context.Context, id string) (provision.Preview, error) {
	return s.Store.Preview(ctx, id)
}

// PreviewRows reads one page of one list of a preview.
func (s *Service) PreviewRows(ctx context.Context, id string, kind provision.PreviewKind, token string, limit int) ([]provision.PreviewRow, string, error) {
	return s.Store.PreviewRows(ctx, id, kind, token, limit)
}

// confirmed checks that a preview may be confirmed with what is asked for; nil without an id.
func (s *Service) confirmed(ctx context.Context, id string, c provision.Configuration, prints map[string]string) (*provision.Preview, error) {
	if id == "" {
		return nil, nil
	}
	preview, err := s.Store.Preview(ctx, id)
	switch {
	case fault.Is(err, fault.NotFound):
		return nil, fault.New(fault.Conflict, "", "there is no such preview any more: make another")
	case err != nil:
		return nil, err
	case preview.State != provision.PreviewDone:
		return nil, fault.New(fault.Conflict, "", "the preview is not done: wait for it, or make another")
	case preview.Revision != c.Revision:
		return nil, errMoved
	case !s.Real().Before(preview.ExpiresAt):
		return nil, fault.New(fault.Conflict, "", "the preview is more than an hour old: make another")
	case !maps.Equal(preview.Proposal, prints):
		return nil, fault.New(fault.Conflict, "", "the preview is of something else than what is sent: make one of exactly this")
	}
	return &preview, nil
}

// release gives a verdict for each removal that a confirmed preview named as
// brought about or moved sooner by the edit or turn-on, which was at a time, and
// for no other (R12).
func (s *Service) release(ctx context.Context, preview *provision.Preview, at time.Time) error {
	if preview == nil || preview.Confirms == 0 {
		return nil
	}
	ctx = context.WithoutCancel(ctx)
	for token := ""; ; {
		rows, next, err := s.Store.PreviewRows(ctx, preview.ID, provision.PreviewOperations, token, 500)
		if err != nil {
			return err
		}
		named := make(map[string][]provision.Verdict)
		for _, row := range rows {
			if !row.Confirms {
				continue
			}
			named[row.UserID] = append(named[row.UserID],
				provision.Verdict{Operation: row.Operation, Condition: row.Condition, Since: row.Since, Release: true, At: s.Business()})
		}
		if err := together(ctx, slices.Sorted(maps.Keys(named)), func(ctx context.Context, userID string) error {
			return s.decideFor(ctx, userID, func(rec *provision.Record) bool {
				before := len(rec.Verdicts)
				for _, verdict := range named[userID] {
					if h := rec.Hold; preview.Present != nil && h != nil && h.Keeps(verdict.Operation) && h.HeldAt.Before(at) {
						continue // held since the preview, and not by the edit
					}
					rec.Verdicts = append(rec.Verdicts, verdict)
				}
				return len(rec.Verdicts) > before
			})
		}); err != nil {
			return err
		}
		if token = next; token == "" {
			return nil
		}
	}
}

// decideFor changes one record by compare-and-set, when no worker holds its
// lease; change returns false to leave it as it is.
func (s *Service) decideFor(ctx context.Context, userID string, change func(*provision.Record) bool) error {
	for {
		rec, err := s.Store.Record(ctx, userID)
		if err != nil || rec.Version == 0 {
			return err
		}
		if rec.Lease != nil && rec.Lease.Until.After(s.Real()) { // its outcome would be lost on a changed record
			if err := s.Sleep(ctx, 50*time.Millisecond); err != nil {
				return err
			}
			continue
		}
		before := rec
		if !change(&rec) {
			return nil
		}
		if _, err = s.Store.Commit(ctx, state.Change{Record: rec, Events: append(s.unknownEnd(before, rec), s.decisions(ctx, before, rec)...)}); !fault.Is(err, fault.Conflict) {
			return err
		}
	}
}

// decisions are the events of what an administrator decided about one person:
// each belongs to the commit of its verdict, so that neither is without the other (R14).
func (s *Service) decisions(ctx context.Context, before, after provision.Record) []provision.Event {
	var events []provision.Event
	for _, v := range after.Verdicts[min(len(before.Verdicts), len(after.Verdicts)):] {
		text := v.Operation.Words() + " dismissed"
		if v.Release {
			text = v.Operation.Words() + " confirmed"
		}
		if before.Hold != nil && after.Hold == nil {
			text = "held " + text
		} else {
			text += " with a preview"
		}
		events = append(events, provision.Event{ID: s.NewID(), Time: v.At, Name: provision.EventNotice, UserID: after.UserID, Email: after.Email,
			AccountID: after.Account.ID, Outcome: provision.OutcomeDone,
			Cause: provision.Cause{Condition: v.Condition, Since: v.Since, Text: text + by(ctx)}})
	}
	return events
}

// unknownEnd is the event of an operation that nobody will find out about any
// more: the app may have done it, and the log says so (R14).
func (s *Service) unknownEnd(before, after provision.Record) []provision.Event {
	intent := before.Intent
	if intent == nil || after.Intent != nil {
		return nil
	}
	return []provision.Event{{
		ID: intent.ID, Time: s.Business(), Name: provision.EventName(intent.Operation), UserID: before.UserID, Email: before.Email,
		AccountID: before.Account.ID, Outcome: provision.OutcomeFailed, Cause: intent.Cause,
		Error: "the configuration was deleted, or is of another app, before it was known whether the app had done this",
	}}
}
