package sqlite_test

import (
	"context"
	"fmt"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
	"example.com/autoprovision/shared/state/sqlite"
)

// person is a record of about 1 KB, as a linked and active person has it.
func person(i int) provision.Record {
	at := time.Date(2026, 1, 5, 8, 0, 0, i, time.UTC)
	attributes := provision.Attributes{
		"userName": fmt.Sprintf("person%d@example.com", i), "name.givenName": "Ana", "name.familyName": "Lima",
		"title": "Engineer", `emails[type eq "work"].value`: fmt.Sprintf("person%d@example.com", i),
	}
	return provision.Record{
		UserID: fmt.Sprintf("1%020d", i), Email: fmt.Sprintf("person%d@example.com", i), Lifecycle: provision.Active, InScope: true,
		Reasons: []string{"the app is on for the org unit"}, LookedAt: at,
		Account: provision.Link{ID: fmt.Sprintf("account-%d", i), State: provision.AccountActive, App: "https://app.example.com/scim/v2",
			LinkedAt: at, ActiveSince: at, Applied: attributes, Form: attributes},
	}
}

// filled is a store with n people in it.
func filled(b *testing.B, n int) *sqlite.Store {
	file, store := openStore(b, filepath.Join(b.TempDir(), "state.db"), nil)
	b.Cleanup(func() { closeFile(b, file) })
	b.SetParallelism(16) // 64 writers on 4 cores
	for i := range n {
		if _, err := store.Commit(context.Background(), state.Change{Record: person(i + 1)}); err != nil {
			b.Fatal(err)
		}
	}
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

func BenchmarkRecordsByID(b *testing.B) {
	store := filled(b, 1000)
	ids := make([]string, 500)
	for i := range ids {
		ids[i] = person(i*2 + 1).UserID
	}
	for b.Loop() {
		found, err := store.RecordsByID(context.Background(), ids)
		if err != nil || len(found) != len(ids) {
			b.Fatal(len(found), err)
		}
	}
}

// BenchmarkSelect reads 10,000 records page by page.
func BenchmarkSelect(b *testing.B) {
	store := filled(b, 10_000)
	for b.Loop() {
		n, token := 0, ""
		for {
			page, next, err := store.Select(context.Background(), state.Selection{Kind: state.SelectAll, Limit: 500, Token: token})
			if err != nil {
				b.Fatal(err)
			}
			n += len(page)
			if token = next; token == "" {
				break
			}
		}
		if n != 10_000 {
			b.Fatal(n)
		}
	}
}

func BenchmarkCountActive(b *testing.B) {
	store := filled(b, 10_000)
	at := time.Date(2026, 2, 1, 0, 0, 0, 0, time.UTC)
	for b.Loop() {
		n, err := store.Count(context.Background(), state.Count{Kind: state.CountActiveAt, Time: at})
		if err != nil || n != 10_000 {
			b.Fatal(n, err)
		}
	}
}
