package workspace_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/throttle"
)

// network is a directory in memory.
type network func(*http.Request) (*http.Response, error)

func (n network) RoundTrip(req *http.Request) (*http.Response, error) { return n(req) }

func reply(code int, body string, header ...string) (*http.Response, error) {
	resp := &http.Response{StatusCode: code, Header: http.Header{}, Body: io.NopCloser(strings.NewReader(body))}
	for i := 0; i+1 < len(header); i += 2 {
		resp.Header.Set(header[i], header[i+1])
	}
	return resp, nil
}

// refusal is an error body of Google's, with an address in its message.
func refusal(code int, reason string) string {
	return fmt.Sprintf(`{"error":{"code":%d,"message":"about ana@example.com","errors":[{"message":"about ana@example.com","domain":"global","reason":%q}]}}`, code, reason)
}

// TestErrorTable holds each row of what the directory can answer to its kind,
// and to whether it is asked again.
func TestErrorTable(t *testing.T) {
	t.Parallel()
	const html = "<!DOCTYPE html><title>Error</title>"
	for _, test := range []struct {
		name  string
		code  int
		body  string
		kind  fault.Kind
		tries int
	}{
		{"throttled by 403", 403, refusal(403, "userRateLimitExceeded"), fault.Throttled, 5},
		{"quota by 403", 403, refusal(403, "quotaExceeded"), fault.Throttled, 5},
		{"throttled by 429", 429, refusal(429, "rateLimitExceeded"), fault.Throttled, 5},
		{"429 without a body", 429, "", fault.Throttled, 5},
		{"forbidden", 403, refusal(403, "forbidden"), fault.Forbidden, 1},
		{"not authorized", 403, refusal(403, "notAuthorized"), fault.Forbidden, 1},
		{"API not enabled", 403, refusal(403, "accessNotConfigured"), fault.Forbidden, 1},
		{"403 of a proxy", 403, html, fault.Unavailable, 5},
		{"unauthorized", 401, refusal(401, "authError"), fault.Unauthorized, 1},
		{"not found", 404, refusal(404, "notFound"), fault.NotFound, 1},
		{"404 of a web server", 404, html, fault.Unavailable, 5},
		{"404 in plain text", 404, "404 page not found\n", fault.Unavailable, 5},
		{"404 in JSON of another kind", 404, `{"message":"no"}`, fault.Unavailable, 5},
		{"invalid", 400, refusal(400, "invalid"), fault.Invalid, 1},
		{"duplicate", 409, refusal(409, "duplicate"), fault.Conflict, 1},
		{"precondition", 412, refusal(412, "conditionNotMet"), fault.Conflict, 1},
		{"internal error", 500, refusal(500, "internalError"), fault.Unavailable, 5},
		{"bad gateway", 502, html, fault.Unavailable, 5},
		{"backend error", 503, refusal(503, "backendError"), fault.Unavailable, 5},
		{"gateway timeout", 504, "", fault.Unavailable, 5},
		{"200 with a page", 200, html, fault.Unavailable, 5},
		{"200 with nothing", 200, "", fault.Unavailable, 5},
		{"200 with a list", 200, "[]", fault.Unavailable, 5},
		{"200 with half an object", 200, `{"id":"1"`, fault.Unavailable, 5},
		{"200 with an empty object", 200, "{}", fault.Incomplete, 1},
		{"redirect that is not followed", 302, "", fault.Unavailable, 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				tries := 0
				client := newClient(t, network(func(*http.Request) (*http.Response, error) {
					tries++
					return reply(test.code, test.body)
				}))
				start := time.Now()
				_, err := client.User(t.Context(), "1")
				if !fault.Is(err, test.kind) || tries != test.tries {
					t.Errorf("got %v after %d tries, want kind %v after %d", err, tries, test.kind, test.tries)
				}
				if strings.Contains(err.Error(), "@") {
					t.Errorf("the error text holds an address: %v", err)
				}
				if took := time.Since(start); took > time.Minute || test.tries > 1 && took < 5*time.Second {
					t.Errorf("took %v", took)
				}
			})
		})
	}
}

func TestRetryRecovers(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		tries := 0
		client := newClient(t, network(func(*http.Request) (*http.Response, error) {
			if tries++; tries < 4 {
				return reply(503, "")
			}
			return reply(200, `{"id":"1","primaryEmail":"a@example.com","suspended":false,"archived":false,"orgUnitPath":"/"}`)
		}))
		if u, err := client.User(t.Context(), "1"); err != nil || u.ID != "1" {
			t.Errorf("got %+v, %v", u, err)
		}
	})
}

func TestRetryAfter(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name   string
		header func() string
		tries  int
		wait   time.Duration // before the second try, or what is handed back
	}{
		{"seconds", func() string { return "7" }, 2, 7 * time.Second},
		{"a date", func() string { return time.Now().UTC().Add(9 * time.Second).Format(http.TimeFormat) }, 2, 9 * time.Second},
		{"longer than anybody waits", func() string { return "600" }, 1, 600 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				start, tries := time.Now(), 0
				client := newClient(t, network(func(*http.Request) (*http.Response, error) {
					if tries++; tries > 1 {
						return reply(404, refusal(404, "notFound"))
					}
					return reply(429, "", "Retry-After", test.header())
				}))
				_, err := client.User(t.Context(), "1")
				if tries != test.tries {
					t.Errorf("%d tries, want %d", tries, test.tries)
				}
				got := time.Since(start)
				if tries == 1 {
					got = fault.RetryAfter(err)
				}
				if got != test.wait {
					t.Errorf("got %v, want %v", got, test.wait)
				}
			})
		})
	}
}

func TestNoAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, network(func(*http.Request) (*http.Response, error) { return nil, errors.New("connection refused") }))
		_, err := client.UserByEmail(t.Context(), "ana@example.com")
		if !fault.Is(err, fault.Unavailable) || strings.Contains(err.Error(), "ana") {
			t.Errorf("got %v", err) // a *url.Error would show the URL, and the address in it
		}
	})
}

// stalled is a body that never ends and never goes on.
type stalled struct{ ctx context.Context }

func (s stalled) Read([]byte) (int, error) { <-s.ctx.Done(); return 0, s.ctx.Err() }
func (stalled) Close() error               { return nil }

func TestSlowBody(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, network(func(req *http.Request) (*http.Response, error) {
			return &http.Response{StatusCode: 200, Body: stalled{req.Context()}}, nil
		}))
		start := time.Now()
		_, err := client.User(t.Context(), "1")
		if took := time.Since(start); !fault.Is(err, fault.Unavailable) || took > 2*time.Minute {
			t.Errorf("got %v after %v", err, took)
		}
	})
}

func TestCallerGivesUp(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client := newClient(t, network(func(*http.Request) (*http.Response, error) { return reply(503, "") }))
		ctx, cancel := context.WithTimeout(t.Context(), 1200*time.Millisecond)
		defer cancel()
		start := time.Now()
		_, err := client.User(ctx, "1")
		if took := time.Since(start); !fault.Is(err, fault.Unavailable) || took != 1200*time.Millisecond {
			t.Errorf("got %v after %v", err, took)
		}
	})
}

// endless is a body of JSON without an end.
type endless struct{ read *atomic.Int64 }

func (e endless) Read(p []byte) (int, error) {
	for i := range p {
		p[i] = ' '
	}
	e.read.Add(int64(len(p)))
	return len(p), nil
}
func (endless) Close() error { return nil }

func TestOversizedBody(t *testing.T) {
	t.Parallel()
	var read atomic.Int64
	client := newClient(t, network(func(*http.Request) (*http.Response, error) {
		return &http.Response{StatusCode: 200, Body: endless{&read}}, nil
	}))
	_, err := client.User(t.Context(), "1")
	if !fault.Is(err, fault.Unavailable) || read.Load() > 64<<20 {
		t.Errorf("got %v after %d bytes", err, read.Load())
	}
}

func TestRateLimit(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		client, err := workspace.New(t.Context(), &http.Client{Transport: network(func(*http.Request) (*http.Response, error) {
			return reply(404, refusal(404, "notFound"))
		})}, &workspace.Options{Limiter: throttle.New(2, 1)})
		if err != nil {
			t.Fatal(err)
		}
		start := time.Now()
		for range 5 {
			_, _ = client.User(t.Context(), "1")
		}
		if took := time.Since(start); took != 2*time.Second {
			t.Errorf("five calls at two a second took %v", took)
		}
	})
}

// TestSlowsDown: what throttles one call slows all down, and all leave the
// directory alone for as long as it asks for.
func TestSlowsDown(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		name  string
		reply func() (*http.Response, error)
		took  time.Duration
	}{
		{"throttled by 403", func() (*http.Response, error) { return reply(403, refusal(403, "userRateLimitExceeded")) }, 2800 * time.Millisecond},
		{"throttled by 429", func() (*http.Response, error) { return reply(429, "") }, 2800 * time.Millisecond},
		{"throttled for a while", func() (*http.Response, error) { return reply(429, "", "Retry-After", "9") }, 11 * time.Second},
		{"unavailable for a while", func() (*http.Response, error) { return reply(503, "", "Retry-After", "9") }, 11 * time.Second},
		{"unavailable", func() (*http.Response, error) { return reply(503, "") }, 2 * time.Second},
		{"not permitted", func() (*http.Response, error) { return reply(403, refusal(403, "forbidden")) }, 2 * time.Second},
	} {
		t.Run(test.name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				var calls atomic.Int64
				client, err := workspace.New(t.Context(), &http.Client{Transport: network(func(*http.Request) (*http.Response, error) {
					if calls.Add(1) == 1 {
						return test.reply()
					}
					return reply(404, refusal(404, "notFound"))
				})}, &workspace.Options{Limiter: throttle.New(10, 1)})
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				var all sync.WaitGroup
				for range 20 {
					all.Go(func() { _, _ = client.User(t.Context(), "1") })
				}
				all.Wait()
				// 20 calls take 2 s at ten a second, and nearly 3 s at seven.
				if took := time.Since(begun); took < test.took*9/10 || took > test.took*5/4 {
					t.Errorf("twenty calls took %v, want about %v", took, test.took)
				}
			})
		})
	}
}

// TestRedirects: credentials go to no other host, and to no other scheme.
func TestRedirects(t *testing.T) {
	t.Parallel()
	var visited, rounds atomic.Int64
	elsewhere := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visited.Add(1) }))
	t.Cleanup(elsewhere.Close)
	here := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch {
		case strings.HasSuffix(r.URL.Path, "/users/away"):
			http.Redirect(w, r, elsewhere.URL+r.URL.Path, http.StatusFound)
		case strings.HasSuffix(r.URL.Path, "/users/round"):
			rounds.Add(1)
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		case strings.HasSuffix(r.URL.Path, "/users/near"):
			http.Redirect(w, r, strings.Replace(r.URL.Path, "near", "there", 1), http.StatusFound)
		default:
			_, _ = io.WriteString(w, `{"id":"near","primaryEmail":"a@example.com","suspended":false,"archived":false,"orgUnitPath":"/"}`)
		}
	}))
	t.Cleanup(here.Close)
	client, err := workspace.New(t.Context(), here.Client(), &workspace.Options{BaseURL: here.URL})
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range []string{"away", "round"} {
		if _, err := client.User(t.Context(), id); !fault.Is(err, fault.Unavailable) {
			t.Errorf("%s: got %v", id, err)
		}
	}
	if n := visited.Load(); n != 0 {
		t.Errorf("the other host was asked %d times", n)
	}
	if n := rounds.Load(); n > 5 {
		t.Errorf("went round in a circle %d times", n)
	}
	if _, err := client.User(t.Context(), "near"); err != nil {
		t.Errorf("within the host: %v", err)
	}
}

func TestWatchIsNotRepeatedBlindly(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		calls, code := 0, 503
		client := newClient(t, network(func(*http.Request) (*http.Response, error) {
			calls++
			return reply(code, refusal(code, "x"))
		}))
		_, err := client.Watch(t.Context(), "id", "", "https://push.invalid/", "a secret")
		if !fault.Is(err, fault.Unavailable) || calls != 1 {
			t.Errorf("got %v after %d calls, want one call", err, calls)
		}
		code, calls = 429, 0
		_, err = client.Watch(t.Context(), "id", "", "https://push.invalid/", "a secret")
		if !fault.Is(err, fault.Throttled) || calls != 5 || strings.Contains(err.Error(), "secret") {
			t.Errorf("got %v after %d calls, want five", err, calls)
		}
	})
}

func TestStop(t *testing.T) {
	t.Parallel()
	for _, test := range []struct {
		code int
		body string
		ok   bool
	}{{200, "", true}, {200, "{}", true}, {204, "", true}, {404, "", true}, {404, refusal(404, "notFound"), true}, {403, refusal(403, "forbidden"), false}} {
		path := ""
		client := newClient(t, network(func(req *http.Request) (*http.Response, error) {
			path = req.URL.Path
			return reply(test.code, test.body)
		}))
		err := client.Stop(t.Context(), directory.Channel{ID: "c", ResourceID: "r"})
		if (err == nil) != test.ok || path != "/admin/directory_v1/channels/stop" {
			t.Errorf("%d %q: got %v from %s", test.code, test.body, err, path)
		}
	}
}

func TestBaseURL(t *testing.T) {
	t.Parallel()
	for _, text := range []string{"ftp://x", "localhost:80", "https://", "https://user:secret@host/", "https://host/?a=b", "https://host/#f"} {
		if _, err := workspace.New(t.Context(), http.DefaultClient, &workspace.Options{BaseURL: text}); !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "secret") {
			t.Errorf("%s: got %v", text, err)
		}
	}
	for base, want := range map[string]string{
		"":                    "https://admin.googleapis.com/admin/directory/v1/users/1",
		"http://127.0.0.1:1":  "http://127.0.0.1:1/admin/directory/v1/users/1",
		"https://host/prefix": "https://host/prefix/admin/directory/v1/users/1",
	} {
		got := ""
		client, err := workspace.New(t.Context(), &http.Client{Transport: network(func(req *http.Request) (*http.Response, error) {
			req.URL.RawQuery = ""
			got = req.URL.String()
			return reply(404, refusal(404, "notFound"))
		})}, &workspace.Options{BaseURL: base})
		if err != nil {
			t.Fatal(err)
		}
		if _, _ = client.User(t.Context(), "1"); got != want {
			t.Errorf("%q: asked %s, want %s", base, got, want)
		}
	}
}
