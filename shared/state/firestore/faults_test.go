package firestore

import (
	"context"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// failing fails the first n commits of a client with a code, before they reach
// the database, or after they were stored there.
func failing(n int64, code codes.Code, stored bool) grpc.DialOption {
	var left atomic.Int64
	left.Store(n)
	return grpc.WithUnaryInterceptor(func(ctx context.Context, method string, req, reply any, cc *grpc.ClientConn,
		invoke grpc.UnaryInvoker, opts ...grpc.CallOption) error {
		if !strings.HasSuffix(method, "/Commit") || left.Add(-1) < 0 {
			return invoke(ctx, method, req, reply, cc, opts...)
		}
		if stored {
			if err := invoke(ctx, method, req, reply, cc, opts...); err != nil {
				return err
			}
		}
		return status.Error(code, "the test says so")
	})
}

// everyWrite makes one write of each kind, the second of a record among them,
// and fails unless they are all there once.
func everyWrite(t *testing.T, s, reader *Store) {
	t.Helper()
	ctx, at := context.Background(), suiteTime()
	must := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	event := func(id string) provision.Event { return provision.Event{ID: id, Time: at} }
	r := provision.Record{UserID: "u1"}
	var err error
	for i := range 2 { // a create, and an update that changes nothing
		before := r.Version
		r.Version, err = s.Commit(ctx, state.Change{Record: r, Events: []provision.Event{event(fmt.Sprint("look", i))}})
		must("Commit", err)
		if r.Version <= before {
			t.Errorf("version %d came after %d", r.Version, before)
		}
	}
	if got, err := reader.Record(ctx, "u1"); err != nil || got.Version != r.Version {
		t.Errorf("the stored record has version %d, Commit returned %d (error %v)", got.Version, r.Version, err)
	}
	must("Append", s.Append(ctx, event("appended")))
	_, err = s.PutConfiguration(ctx, provision.Configuration{}, event("edited"))
	must("PutConfiguration", err)
	must("AddPage", s.AddPage(ctx, "s", 1, []string{"u1"}, []string{"u1", "u2"}))
	must("EndLook", s.EndLook(ctx, "s", "u1"))
	p := provision.Preview{ID: "p", ExpiresAt: at}
	for range 2 {
		p.Version, err = s.PutPreview(ctx, p, []provision.PreviewRow{{Kind: provision.PreviewAdopt}})
		must("PutPreview", err)
	}
	must("PutOrphans", s.PutOrphans(ctx, []provision.Orphan{{AccountID: "a"}}))

	events, _, err := reader.Events(ctx, state.EventFilter{Limit: 10})
	must("Events", err)
	looks, err := reader.LooksLeft(ctx, "s")
	must("LooksLeft", err)
	rows, _, err := reader.PreviewRows(ctx, "p", provision.PreviewAdopt, "", 10)
	must("PreviewRows", err)
	if len(events) != 4 || looks != 1 || len(rows) != 2 {
		t.Errorf("%d events, %d looks, %d rows; want 4, 1, 2", len(events), looks, len(rows))
	}
}

func TestLostAnswersAndContention(t *testing.T) {
	t.Parallel()
	host := emulated(t)
	for name, option := range map[string]func() grpc.DialOption{
		"not stored, and unavailable": func() grpc.DialOption { return failing(1, codes.Unavailable, false) },
		"stored, and unavailable":     func() grpc.DialOption { return failing(1, codes.Unavailable, true) },
		"aborted":                     func() grpc.DialOption { return failing(3, codes.Aborted, false) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := newApp()
			everyWrite(t, New(dial(t, host, option()), app, suiteTime), New(dial(t, host), app, suiteTime))
		})
	}
}

// TestEachLostAnswer loses the answer of each commit of a look in turn.
func TestEachLostAnswer(t *testing.T) {
	t.Parallel()
	host, ctx := emulated(t), context.Background()
	for name, events := range map[string][]provision.Event{"without events": nil, "with one": {{ID: "e", Time: suiteTime()}}} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			app := newApp()
			r := provision.Record{UserID: "u"}
			for range 3 {
				s := New(dial(t, host, failing(1, codes.Unavailable, true)), app, suiteTime)
				version, err := s.Commit(ctx, state.Change{Record: r, Events: events})
				if err != nil {
					t.Fatalf("a commit that was stored: %v", err)
				}
				if _, err := s.Commit(ctx, state.Change{Record: r}); !fault.Is(err, fault.Conflict) {
					t.Errorf("the version before was taken: %v", err)
				}
				r.Version = version
			}
			s := New(dial(t, host), app, suiteTime)
			if got, _, err := s.Events(ctx, state.EventFilter{Limit: 10}); err != nil || len(got) != len(events) {
				t.Errorf("%d events of %d, error %v", len(got), len(events), err)
			}
		})
	}
}

// TestContentionWithoutEnd sees that a commit gives up, and says what to do.
func TestContentionWithoutEnd(t *testing.T) {
	t.Parallel()
	host, ctx := emulated(t), context.Background()
	s := New(dial(t, host, failing(1<<30, codes.Aborted, false)), newApp(), suiteTime)
	_, err := s.Commit(ctx, state.Change{Record: provision.Record{UserID: "u"}})
	if !fault.Is(err, fault.Unavailable) {
		t.Errorf("Commit: %v, want fault.Unavailable", err)
	}
	if err := s.AddPage(ctx, "s", 1, nil, []string{"u"}); !fault.Is(err, fault.Unavailable) {
		t.Errorf("AddPage: %v, want fault.Unavailable", err)
	}
}

// TestTooLarge sees that a document that Firestore does not take is refused as
// such, and not taken for a conflict, and that nothing of the change is stored.
func TestTooLarge(t *testing.T) {
	t.Parallel()
	s, ctx := New(dial(t, emulated(t)), newApp(), suiteTime), context.Background()
	r := provision.Record{UserID: "u", Left: []string{strings.Repeat("x", 1<<20)}}
	_, err := s.Commit(ctx, state.Change{Record: r, Events: []provision.Event{{ID: "e", Time: suiteTime()}}})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("Commit of a megabyte: %v, want fault.Invalid", err)
	}
	if events, _, err := s.Events(ctx, state.EventFilter{Limit: 1}); err != nil || len(events) != 0 {
		t.Errorf("%d events of a change that was refused, error %v", len(events), err)
	}
}

func TestKinds(t *testing.T) {
	t.Parallel()
	for code, want := range map[codes.Code]fault.Kind{
		codes.Unavailable: fault.Unavailable, codes.DeadlineExceeded: fault.Unavailable, codes.Canceled: fault.Unavailable,
		codes.Aborted: fault.Unavailable, codes.Internal: fault.Unavailable, codes.Unknown: fault.Unavailable,
		codes.ResourceExhausted: fault.Throttled, codes.InvalidArgument: fault.Invalid,
		// None of these may be taken for a word of the app or about a record.
		codes.NotFound: fault.Internal, codes.FailedPrecondition: fault.Internal,
		codes.PermissionDenied: fault.Internal, codes.Unauthenticated: fault.Internal, codes.Unimplemented: fault.Internal,
	} {
		if got := fault.KindOf(wrap("state: read", status.Error(code, "x"))); got != want {
			t.Errorf("%v is %v, want %v", code, got, want)
		}
	}
	if wrap("state: read", nil) != nil {
		t.Error("no error became one")
	}
	for _, err := range []error{context.Canceled, context.DeadlineExceeded} {
		if got := fault.KindOf(wrap("state: read", err)); got != fault.Unavailable {
			t.Errorf("%v is %v", err, got)
		}
	}
	err := fault.New(fault.Unavailable, "state: read", "busy")
	if got := wrap("state: write", err); fault.KindOf(got) != fault.Unavailable {
		t.Errorf("an error that has a kind got another: %v", got)
	}
}
