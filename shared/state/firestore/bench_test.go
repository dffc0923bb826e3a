package firestore

import (
	"context"
	"fmt"
	"sync/atomic"
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// person is a record of about 1 KB, as a linked and active person has it.
func person(i int) provision.Record {
	at := suiteTime()
	email := fmt.Sprintf("person%d@example.com", i)
	attributes := provision.Attributes{"userName": email, "name.givenName": "Ana", "name.familyName": "Lima", "title": "Engineer",
		`emails[type eq "work"].value`: email}
	return provision.Record{
		UserID: fmt.Sprintf("1%020d", i), Email: email, Lifecycle: provision.Active, InScope: true,
		Reasons: []string{"the app is on for the org unit"}, LookedAt: at,
		Account: provision.Link{ID: fmt.Sprintf("account-%d", i), State: provision.AccountActive, App: "https://app.example.com/scim/v2",
			LinkedAt: at, ActiveSince: at, Applied: attributes, Form: attributes},
	}
}

// filled is a store with n people in it, on the emulator: what counts here is
// the adapter's own work, and not the time, which is the emulator's.
func filled(b *testing.B, n int) *Store {
	store := New(dial(b, emulated(b)), newApp(), suiteTime)
	for i := range n {
		if _, err := store.Commit(context.Background(), state.Change{Record: person(i + 1)}); err != nil {
			b.Fatal(err)
		}
	}
	b.SetParallelism(8)
	b.ReportAllocs()
	b.ResetTimer()
	return store
}

func BenchmarkCommit(b *testing.B) {
	store := filled(b, 0)
	var next atomic.Int64
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			i := int(next.Add(1))
			event := provision.Event{ID: fmt.Sprint(i), Time: time.Unix(int64(i), 0), Name: provision.EventCreate, Outcome: provision.OutcomeDone}
			if _, err := store.Commit(context.Background(), state.Change{Record: person(i), Events: []provision.Event{event}}); err != nil {
				b.Error(err)
				return
			}
		}
	})
}

func BenchmarkRecord(b *testing.B) {
	store := filled(b, 1)
	for b.Loop() {
		if rec, err := store.Record(context.Background(), person(1).UserID); err != nil || rec.Version == 0 {
			b.Fatal(rec.Version, err)
		}
	}
}

func BenchmarkRecordsByID(b *testing.B) {
	store := filled(b, 200)
	ids := make([]string, 200)
	for i := range ids {
		ids[i] = person(i + 1).UserID
	}
	for b.Loop() {
		if found, err := store.RecordsByID(context.Background(), ids); err != nil || len(found) != len(ids) {
			b.Fatal(len(found), err)
		}
	}
}
