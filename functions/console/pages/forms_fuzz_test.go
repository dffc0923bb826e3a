package pages_test

import (
	"net/http"
	"net/url"
	"testing"
)

// FuzzForms submits any form to any page that saves something, off and without
// sign-in too. No answer is an error of the program or shows a token, which
// send sees to; a refused form stores nothing; a stranger's never does.
func FuzzForms(f *testing.F) {
	places := []string{"/setup/token", "/settings/attributes", "/settings/who", "/settings/time-frames", "/settings/safety", "/settings/connection", "/held", "/previews", "/setup/start", "/people/x/look"}
	for i, form := range []url.Values{
		{"accessToken": {"wrong"}}, defaultMapping(), {"do": {"save"}, "unit": {"/", "/Sales"}, "state": {"on", ""}}, frames("suspended", "within24h", "7d"),
		{"maxShare": {"10"}, "minUsers": {"5"}, "protected": {"x@example.com"}},
		{"pageSize": {"100"}, "requestsPerSecond": {"NaN"}, "concurrency": {"9999999999999999999"}, "updateMethod": {"auto"}},
		{"list": {"x"}, "do": {"confirm"}, "user": {"1"}}, {"do": {"turnOn"}}, {"sso": {"on"}}, {},
	} {
		f.Add(uint8(i), form.Encode())
	}
	f.Add(uint8(1), "app=title&source0=expression&expression0=user.&do=try&sample=%00")
	f.Add(uint8(2), "do=add-groups:%ff&unit=/&state=maybe&domains=%0d%0a&find-groups='")
	f.Add(uint8(3), "a=%zz&;;;=&suspended.suspendAfter=-1d")
	w := configured(f)
	stranger := newWorld(f)
	f.Fuzz(func(t *testing.T, place uint8, query string) {
		form, err := url.ParseQuery(query)
		if err != nil {
			return
		}
		path := places[int(place)%len(places)]
		w.t, stranger.t = t, t
		revision := func(w *world) int64 {
			c, err := w.system.Store.Configuration(t.Context())
			check(t, err)
			return c.Revision
		}
		before, untouched := revision(w), revision(stranger)
		res := w.send(http.MethodPost, path, form)
		switch status := res.StatusCode; {
		case status == http.StatusInternalServerError:
			t.Fatalf("%s: an error of the program", path)
		case status >= 400 && revision(w) != before:
			t.Fatalf("%s: refused with %d, and stored", path, status)
		}
		if res := stranger.send(http.MethodPost, path, form); res.StatusCode != http.StatusUnauthorized || revision(stranger) != untouched {
			t.Fatalf("%s: a stranger is answered %d", path, res.StatusCode)
		}
	})
}
