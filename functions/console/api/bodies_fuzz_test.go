package api_test

import (
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

// FuzzBodies sends bodies of any kind: none may be an error of the program,
// change anything when it is refused, or be read for a stranger.
func FuzzBodies(f *testing.F) {
	places := []string{
		"PUT /authorization", "PUT /mapping", "PUT /scope", "PUT /deprovisioning", "PUT /connection", "PUT /protected", "PUT /guard", "PUT /configuration",
		"POST /preview", "POST /confirmHeld", "POST /dismissHeld", "POST /sweep", "POST /turnOn", "POST /turnOff", "POST /users/ana@example.com/reconcile",
	}
	for i, body := range []string{
		`{"accessToken":""}`, `{"attributes":[{"app":"userName","directory":"primaryEmail"},{"app":"title","expression":"user.name.\u0000"}]}`,
		`{"orgUnits":[{"path":"/","on":true},{"path":"/","on":false}],"accessGroups":[null],"groups":[""],"domains":["\ud800"]}`,
		`{"appOff":{"suspendAfter":"99999999999999999999d"},"suspended":null,"deleted":{}}`,
		`{"baseUrl":"http://[::1","updateMethod":"auto","pageSize":-1,"requestsPerSecond":1e999}`,
		`{"users":["ana@example.com","ANA@example.com"]}`, `{"maxShare":NaN,"minUsers":1.5}`, `{"guard":{"maxShare":0.5,"minUsers":0},"guard":{}}`,
		`{"scope":{}}`, `{"list":"x","users":[]}`, `{"list":{"list":"x"}}`, `[]`, `{"confirmedPreview":"../x"}`, `null`, `"`,
	} {
		f.Add(uint8(i), body)
	}
	w := configured(f)
	f.Fuzz(func(t *testing.T, place uint8, body string) {
		method, path, _ := strings.Cut(places[int(place)%len(places)], " ")
		w.t = t
		revision := func() int64 {
			c, err := w.system.Store.Configuration(t.Context())
			check(t, err)
			return c.Revision
		}
		before := revision()
		switch status := w.send(method, app+path, body).Code; {
		case status >= http.StatusInternalServerError:
			t.Fatalf("%s %s: an error of the program, %d", method, path, status)
		case status >= http.StatusBadRequest && revision() != before:
			t.Fatalf("%s %s: refused with %d, and stored", method, path, status)
		}
		before = revision()
		r := httptest.NewRequestWithContext(t.Context(), method, app+path, strings.NewReader(body))
		r.Header.Set("Content-Type", "application/json")
		if status := w.serve(r).Code; status != http.StatusUnauthorized || revision() != before {
			t.Fatalf("%s %s: a stranger is answered %d", method, path, status)
		}
	})
}
