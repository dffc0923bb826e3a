// Package secretstest owns the conformance suite of the secrets port.
//
// It promises that an adapter which passes keeps the port's contract, and puts
// no secret into an error. It never asks how an adapter stores.
package secretstest

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
)

// Harness is one store, empty, for one test.
type Harness struct {
	Store secrets.Store
	// Reopen returns another store on the same data, as after a restart; nil
	// when nothing of the data is in this process.
	Reopen func() secrets.Store
}

// Open makes a harness and cleans it up when the test ends.
type Open func(t *testing.T) Harness

// Run holds an adapter to the port's contract.
func Run(t *testing.T, open Open) {
	for name, test := range map[string]func(*testing.T, Open){
		"put and latest":                  testPut,
		"reads by version":                testVersion,
		"destroys older versions":         testDestroy,
		"deletes":                         testDelete,
		"never uses a version name twice": testVersionNames,
		"takes writers at the same time":  testWriters,
		"remembers after a restart":       testReopen,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open)
		})
	}
}

const name = secrets.AppToken

// put stores a secret and returns its version.
func put(t *testing.T, s secrets.Store, name, text string) string {
	t.Helper()
	version, err := s.Put(context.Background(), name, secrets.NewValue(text))
	if err != nil || version == "" {
		t.Fatalf("Put: version %q, error %v", version, err)
	}
	return version
}

// latest fails unless the newest version is this one.
func latest(t *testing.T, s secrets.Store, name, text, version string) {
	t.Helper()
	v, got, err := s.Latest(context.Background(), name)
	if err != nil {
		t.Fatalf("Latest: %v", err)
	}
	if v.Reveal() != text || got != version {
		t.Errorf("Latest is another value, or version %q instead of %q", got, version)
	}
}

// none fails unless there is no version.
func none(t *testing.T, s secrets.Store, name string) {
	t.Helper()
	v, version, err := s.Latest(context.Background(), name)
	if !fault.Is(err, fault.NotFound) || !v.Empty() || version != "" {
		t.Errorf("Latest of none: version %q, error %v, want fault.NotFound", version, err)
	}
}

func testPut(t *testing.T, open Open) {
	s := open(t).Store
	none(t, s, name)
	text := "token-ä\x00\n" + strings.Repeat("x", 4000)
	latest(t, s, name, text, put(t, s, name, text))
	latest(t, s, name, "second", put(t, s, name, "second"))
	none(t, s, secrets.ChannelToken)
	other := put(t, s, secrets.ChannelToken, "other")
	latest(t, s, secrets.ChannelToken, "other", other)
	_, err := s.Put(context.Background(), name, secrets.Value{})
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("Put of nothing: %v, want fault.Invalid", err)
	}
	_, err = s.Put(context.Background(), "", secrets.NewValue("nameless-value"))
	if !fault.Is(err, fault.Invalid) || strings.Contains(fmt.Sprint(err), "nameless-value") {
		t.Errorf("Put without a name: %v, want fault.Invalid without the value", err)
	}
}

func testVersion(t *testing.T, open Open) {
	h, ctx := open(t), context.Background()
	s := h.Store
	first, second := put(t, s, name, "first"), put(t, s, name, "second")
	is := func(version, want string) {
		t.Helper()
		v, err := s.Version(ctx, name, version)
		if err != nil || v.Reveal() != want {
			t.Errorf("version %q is not what was put under it, error %v", version, err)
		}
	}
	isNot := func(name, version string) {
		t.Helper()
		if v, err := s.Version(ctx, name, version); !fault.Is(err, fault.NotFound) || !v.Empty() {
			t.Errorf("version %q of %q: %v, want fault.NotFound", version, name, err)
		}
	}
	is(first, "first")
	is(second, "second")
	if h.Reopen != nil {
		s = h.Reopen()
		is(first, "first")
	}
	isNot(secrets.ChannelToken, first)
	isNot(name, "")
	isNot(name, second+"0")
	isNot(name, "latest")
	if err := s.DestroyBefore(ctx, name, second); err != nil {
		t.Fatal(err)
	}
	isNot(name, first)
	is(second, "second")
	if err := s.Delete(ctx, name); err != nil {
		t.Fatal(err)
	}
	isNot(name, second)
}

func testDestroy(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	first, second := put(t, s, name, "first"), put(t, s, name, "second")
	third := put(t, s, name, "third")
	if err := s.DestroyBefore(ctx, name, second); err != nil {
		t.Fatal(err)
	}
	latest(t, s, name, "third", third) // stored meanwhile, and kept
	if err := s.DestroyBefore(ctx, name, first); !fault.Is(err, fault.NotFound) {
		t.Errorf("DestroyBefore of a destroyed version: %v, want fault.NotFound", err)
	}
	for range 2 {
		if err := s.DestroyBefore(ctx, name, third); err != nil {
			t.Fatal(err)
		}
	}
	if err := s.DestroyBefore(ctx, name, second); !fault.Is(err, fault.NotFound) {
		t.Errorf("DestroyBefore of a version destroyed in turn: %v, want fault.NotFound", err)
	}
	if err := s.DestroyBefore(ctx, secrets.ChannelToken, third); !fault.Is(err, fault.NotFound) {
		t.Errorf("DestroyBefore of another name: %v, want fault.NotFound", err)
	}
	latest(t, s, name, "third", third)
}

func testDelete(t *testing.T, open Open) {
	s, ctx := open(t).Store, context.Background()
	if err := s.Delete(ctx, name); err != nil {
		t.Errorf("Delete of none: %v", err)
	}
	put(t, s, name, "first")
	put(t, s, name, "second")
	other := put(t, s, secrets.ChannelToken, "other")
	if err := s.Delete(ctx, name); err != nil {
		t.Fatal(err)
	}
	none(t, s, name)
	latest(t, s, secrets.ChannelToken, "other", other)
	latest(t, s, name, "third", put(t, s, name, "third"))
}

func testVersionNames(t *testing.T, open Open) {
	h, ctx := open(t), context.Background()
	s := h.Store
	seen := map[string]bool{}
	for i := range 6 {
		version := put(t, s, name, "value")
		if seen[version] {
			t.Errorf("version name %q was used twice", version)
		}
		seen[version] = true
		if i%2 == 0 {
			if err := s.Delete(ctx, name); err != nil {
				t.Fatal(err)
			}
		}
		if h.Reopen != nil {
			s = h.Reopen()
		}
	}
}

func testWriters(t *testing.T, open Open) {
	s := open(t).Store
	var mu sync.Mutex
	var all sync.WaitGroup
	texts := map[string]string{}
	for i := range 16 {
		all.Go(func() {
			text := fmt.Sprint("value", i)
			version, err := s.Put(context.Background(), name, secrets.NewValue(text))
			if err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			texts[version] = text
		})
	}
	all.Wait()
	if len(texts) != 16 {
		t.Errorf("16 writers made %d versions", len(texts))
	}
	v, version, err := s.Latest(context.Background(), name)
	if err != nil || texts[version] != v.Reveal() {
		t.Errorf("Latest is not what was put as version %q (error %v)", version, err)
	}
}

func testReopen(t *testing.T, open Open) {
	h := open(t)
	if h.Reopen == nil {
		t.Skip("nothing of the data is in this process")
	}
	first := put(t, h.Store, name, "first")
	s := h.Reopen()
	latest(t, s, name, "first", first)
	second := put(t, s, name, "second")
	if err := s.DestroyBefore(context.Background(), name, second); err != nil {
		t.Fatal(err)
	}
	s = h.Reopen()
	latest(t, s, name, "second", second)
	if err := s.DestroyBefore(context.Background(), name, first); !fault.Is(err, fault.NotFound) {
		t.Errorf("after a restart a destroyed version is there: %v", err)
	}
}
