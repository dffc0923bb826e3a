package scim_test

import (
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/scim"
)

// TestPresent: how long calls take, so many at a time, bounds the rate as well as
// what the app refuses does. A page of a listing says nothing of calls.
func TestPresent(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		var takes time.Duration
		status := http.StatusNoContent
		c := connection() // any rate, four calls at a time
		client := scim.New(c, fixed(secretToken), &scim.Options{Transport: roundTrip(func(r *http.Request) (*http.Response, error) {
			time.Sleep(takes)
			return response(r, status, nil, ""), nil
		})})
		calls := func(n int, each time.Duration) {
			takes = each
			for range n {
				_ = client.Delete(t.Context(), app.Ref{ID: "a1"})
			}
		}
		is := func(when string, least, most float64) {
			t.Helper()
			if got := client.Present().RequestsPerSecond; got < least || got > most {
				t.Errorf("%s: %v a second, want %v to %v", when, got, least, most)
			}
		}
		if got := client.Present(); got != c {
			t.Errorf("at first: %+v, want %+v", got, c)
		}
		takes = time.Minute
		_, _ = client.List(t.Context(), 1)
		is("after a page", 0, 0)
		calls(1, 4*time.Second)
		is("after a call of 4 s", 1, 1)
		calls(20, 400*time.Millisecond)
		is("after twenty of 0.4 s", 5, 10)
		calls(40, 20*time.Millisecond)
		is("after forty of 20 ms", 100, 200)
		status = http.StatusTooManyRequests
		calls(1, 20*time.Millisecond)
		is("after a refusal", 1, 40)
	})
}
