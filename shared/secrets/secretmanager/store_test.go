package secretmanager_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cloud "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/grpc/codes"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/secretmanager"
	"example.com/autoprovision/shared/secrets/secretstest"
)

const name = secrets.AppToken

func open(client *cloud.Client) *secretmanager.Store {
	return secretmanager.New(client, project, prefix, clock.System)
}

func TestConformance(t *testing.T) {
	t.Parallel()
	secretstest.Run(t, func(t *testing.T) secretstest.Harness {
		_, client := serve(t)
		return secretstest.Harness{Store: open(client), Reopen: func() secrets.Store { return open(client) }}
	})
}

// timer is a real clock that moves when it is told to.
type timer struct {
	mu  sync.Mutex
	now time.Time
}

func (c *timer) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *timer) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func put(t *testing.T, s *secretmanager.Store, text string) string {
	t.Helper()
	version, err := s.Put(context.Background(), name, secrets.NewValue(text))
	if err != nil {
		t.Fatal(err)
	}
	return version
}

func latest(t *testing.T, s *secretmanager.Store, want string) {
	t.Helper()
	if v, _, err := s.Latest(context.Background(), name); err != nil || v.Reveal() != want {
		t.Errorf("Latest is not %q, error %v", want, err)
	}
}

// TestCache sees that a secret is asked for once a minute, and one that is not
// there every ten seconds; that what the same process stored is seen at once and
// what another stored after that time.
func TestCache(t *testing.T) {
	t.Parallel()
	service, client := serve(t)
	c := &timer{now: time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)}
	s, other := secretmanager.New(client, project, prefix, c.Now), open(client)
	put(t, other, "first")
	asked := func(want int) {
		t.Helper()
		service.Set(func() {
			if service.Accesses != want {
				t.Errorf("asked %d times, want %d", service.Accesses, want)
			}
		})
	}
	for range 3 {
		latest(t, s, "first")
	}
	asked(1)
	put(t, other, "second")
	c.advance(time.Minute - 1)
	latest(t, s, "first")
	asked(1)
	c.advance(1)
	latest(t, s, "second")
	asked(2)
	put(t, s, "third")
	latest(t, s, "third")
	asked(2)
	if err := s.Delete(context.Background(), name); err != nil {
		t.Fatal(err)
	}
	for range 3 {
		if _, _, err := s.Latest(context.Background(), name); !fault.Is(err, fault.NotFound) {
			t.Errorf("Latest after Delete: %v, want fault.NotFound", err)
		}
	}
	asked(3)
	put(t, other, "fourth")
	c.advance(10 * time.Second)
	latest(t, s, "fourth")
	asked(4)
}

// TestLag sees that a process works with what it stored before Secret Manager
// shows it as the newest, and that any process reads it by its version.
func TestLag(t *testing.T) {
	t.Parallel()
	service, client := serve(t)
	s, other, ctx := open(client), open(client), context.Background()
	first := put(t, s, "first")
	latest(t, other, "first")
	service.Set(func() { service.Lag = 1 })
	second := put(t, s, "second")
	latest(t, s, "second")
	if err := s.DestroyBefore(ctx, name, second); err != nil {
		t.Errorf("DestroyBefore of a version that lists do not show: %v", err)
	}
	if _, err := s.Version(ctx, name, first); !fault.Is(err, fault.NotFound) {
		t.Errorf("the version before: %v, want fault.NotFound", err)
	}
	if v, err := other.Version(ctx, name, second); err != nil || v.Reveal() != "second" {
		t.Errorf("another process does not read the new version, error %v", err)
	}
}

// TestAnswerFromBefore sees that an answer which was under way when a newer
// secret was stored is not kept after it.
func TestAnswerFromBefore(t *testing.T) {
	t.Parallel()
	for what, change := range map[string]struct {
		do   func(*secretmanager.Store) error
		want string
	}{
		"put": {func(s *secretmanager.Store) error {
			_, err := s.Put(context.Background(), name, secrets.NewValue("second"))
			return err
		}, "second"},
		"delete": {func(s *secretmanager.Store) error { return s.Delete(context.Background(), name) }, ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			service, client := serve(t)
			put(t, open(client), "first")
			s := open(client)
			var once sync.Once
			service.Set(func() {
				service.Accessed = func() {
					once.Do(func() {
						if err := change.do(s); err != nil {
							t.Error(err)
						}
					})
				}
			})
			latest(t, s, "first") // as it was when it was asked for
			if v, _, _ := s.Latest(context.Background(), name); v.Reveal() != change.want {
				t.Error("an answer from before the change was kept after it")
			}
		})
	}
}

// TestDisabledByHand sees that the newest version that is enabled is used.
func TestDisabledByHand(t *testing.T) {
	t.Parallel()
	service, client := serve(t)
	for i := range 5 {
		put(t, open(client), fmt.Sprint("secret", i+1))
	}
	path := "projects/" + project + "/secrets/" + prefix + name
	disable := func(version int) {
		service.Set(func() { service.Versions[path][version-1].State = secretmanagerpb.SecretVersion_DISABLED })
	}
	disable(5)
	disable(4)
	latest(t, open(client), "secret3")
	for version := range 3 {
		disable(version + 1)
	}
	if _, _, err := open(client).Latest(context.Background(), name); !fault.Is(err, fault.NotFound) {
		t.Errorf("with none enabled: %v, want fault.NotFound", err)
	}
	if err := open(client).Delete(context.Background(), name); err != nil {
		t.Fatal(err)
	}
	service.Set(func() {
		for _, v := range service.Versions[path] {
			if v.GetState() != secretmanagerpb.SecretVersion_DESTROYED {
				t.Errorf("Delete leaves %s", v.GetName())
			}
		}
	})
}

func TestDamaged(t *testing.T) {
	t.Parallel()
	const text = "a-token-nobody-may-see"
	for what, damage := range map[string]func(*secretmanagerpb.SecretPayload){
		"a changed byte": func(p *secretmanagerpb.SecretPayload) { p.Data[0]++ },
		"a cut end":      func(p *secretmanagerpb.SecretPayload) { p.Data = p.Data[1:] },
		"no checksum":    func(p *secretmanagerpb.SecretPayload) { p.DataCrc32C = nil },
		"no data":        func(p *secretmanagerpb.SecretPayload) { p.Data = nil },
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			service, client := serve(t)
			s, ctx := open(client), context.Background()
			version := put(t, open(client), text)
			service.Set(func() { service.Damage = damage })
			_, _, err := s.Latest(ctx, name)
			_, other := s.Version(ctx, name, version)
			for _, err := range []error{err, other} {
				if !fault.Is(err, fault.Unavailable) || strings.Contains(fmt.Sprint(err), text[1:]) {
					t.Errorf("%v, want fault.Unavailable without the secret", err)
				}
			}
			service.Set(func() { service.Damage = nil })
			latest(t, s, text)
		})
	}
}

func TestRefused(t *testing.T) {
	t.Parallel()
	const text = "a-token-nobody-may-see"
	service, client := serve(t)
	s, ctx := open(client), context.Background()
	version := put(t, open(client), "first")
	for code, want := range map[codes.Code]fault.Kind{
		codes.PermissionDenied: fault.Internal, codes.Unauthenticated: fault.Internal, codes.InvalidArgument: fault.Invalid,
		codes.Aborted: fault.Unavailable, codes.DeadlineExceeded: fault.Unavailable, codes.Internal: fault.Unavailable, codes.Unknown: fault.Unavailable,
	} {
		service.Set(func() { service.Refuse = code })
		_, putting := s.Put(ctx, name, secrets.NewValue(text))
		_, _, reading := s.Latest(ctx, name)
		_, byVersion := s.Version(ctx, name, version)
		for what, err := range map[string]error{"Put": putting, "Latest": reading, "Version": byVersion,
			"DestroyBefore": s.DestroyBefore(ctx, name, version), "Delete": s.Delete(ctx, name)} {
			if !fault.Is(err, want) || strings.Contains(fmt.Sprint(err), text) {
				t.Errorf("%s refused with %v: %v, want %v without the secret", what, code, err, want)
			}
		}
	}
	service.Set(func() { service.Refuse = codes.ResourceExhausted }) // which the client asks again about when it reads
	if _, err := s.Put(ctx, name, secrets.NewValue(text)); !fault.Is(err, fault.Throttled) {
		t.Errorf("Put too often: %v, want fault.Throttled", err)
	}
	ended, cancel := context.WithCancel(ctx)
	cancel()
	if _, _, err := s.Latest(ended, name); !fault.Is(err, fault.Unavailable) {
		t.Errorf("Latest with an ended context: %v, want fault.Unavailable", err)
	}
}

// TestDoneYetFailed sees that a write which was done although it failed is as
// good as another process's: what it stored is found in a minute, and to write
// again is right.
func TestDoneYetFailed(t *testing.T) {
	t.Parallel()
	service, client := serve(t)
	c, ctx := &timer{now: time.Date(2026, 4, 1, 12, 0, 0, 0, time.UTC)}, context.Background()
	s := secretmanager.New(client, project, prefix, c.Now)
	lost := func(what string, write func() error) {
		t.Helper()
		service.Set(func() { service.Lose = codes.Unavailable })
		if err := write(); !fault.Is(err, fault.Unavailable) || strings.Contains(fmt.Sprint(err), "second") {
			t.Errorf("%s whose answer is lost: %v, want fault.Unavailable without the secret", what, err)
		}
		service.Set(func() { service.Lose = codes.OK })
	}
	states := func(want ...secretmanagerpb.SecretVersion_State) {
		t.Helper()
		service.Set(func() {
			var got []secretmanagerpb.SecretVersion_State
			for _, v := range service.Versions["projects/"+project+"/secrets/"+prefix+name] {
				got = append(got, v.GetState())
			}
			if !slices.Equal(got, want) {
				t.Errorf("the versions are %v, want %v", got, want)
			}
		})
	}
	const enabled, destroyed = secretmanagerpb.SecretVersion_ENABLED, secretmanagerpb.SecretVersion_DESTROYED
	put(t, s, "first")
	lost("Put", func() error { _, err := s.Put(ctx, name, secrets.NewValue("second")); return err })
	states(enabled, enabled)
	latest(t, open(client), "second")
	c.advance(time.Minute)
	latest(t, s, "second")

	third := put(t, s, "second") // again, since it failed
	lost("DestroyBefore", func() error { return s.DestroyBefore(ctx, name, third) })
	if err := s.DestroyBefore(ctx, name, third); err != nil {
		t.Errorf("DestroyBefore again: %v", err)
	}
	states(destroyed, destroyed, enabled)
	latest(t, s, "second")

	lost("Delete", func() error { return s.Delete(ctx, name) })
	states(destroyed, destroyed, destroyed)
	if _, _, err := s.Latest(ctx, name); !fault.Is(err, fault.NotFound) {
		t.Errorf("Latest after a Delete that was done: %v, want fault.NotFound", err)
	}
	if err := s.Delete(ctx, name); err != nil {
		t.Errorf("Delete again: %v", err)
	}
}

// TestNotDeployed sees what is said when the deployment has not made the secret.
func TestNotDeployed(t *testing.T) {
	t.Parallel()
	_, client := serve(t)
	s, ctx := secretmanager.New(client, project, "other-", clock.System), context.Background()
	if _, err := s.Put(ctx, name, secrets.NewValue("x")); !fault.Is(err, fault.Unready) {
		t.Errorf("Put: %v, want fault.Unready", err)
	}
	if _, _, err := s.Latest(ctx, name); !fault.Is(err, fault.NotFound) {
		t.Errorf("Latest: %v, want fault.NotFound", err)
	}
	if err := s.Delete(ctx, name); err != nil {
		t.Errorf("Delete: %v", err)
	}
	_, err := open(client).Put(ctx, name, secrets.NewValue(strings.Repeat("x", 64<<10+1)))
	if !fault.Is(err, fault.Invalid) {
		t.Errorf("Put of too much: %v, want fault.Invalid", err)
	}
}
