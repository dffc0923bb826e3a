package api_test

import (
	"encoding/json"
	"net/http"
	"testing"

	"github.com/google/go-cmp/cmp"

	"example.com/autoprovision/shared/admin"
)

// TestTheFileIsThePages: what the console lets download is what the API answers,
// and it takes what the API answers for the same.
func TestTheFileIsThePages(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	same := func(what string) {
		t.Helper()
		document := w.want(http.StatusOK, "GET", app+"/configuration", "")
		c, err := w.system.Store.Configuration(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var file object
		if err := json.Unmarshal(admin.DocumentOf(c), &file); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(document, file); diff != "" {
			t.Errorf("%s (-API +page):\n%s", what, diff)
		}
		p, err := w.system.Admin.ReadDocument([]byte(marshal(t, document)))
		if err == nil {
			err = w.system.Admin.PutWhole(t.Context(), p, "")
		}
		after, failed := w.system.Store.Configuration(t.Context())
		if err != nil || failed != nil || after.Revision != c.Revision {
			t.Errorf("%s: put as the page reads it: %v, %v, revision %d after %d", what, err, failed, after.Revision, c.Revision)
		}
	}
	same("before anything is set")
	w.configure()
	w.want(http.StatusOK, "PUT", app+"/protected", `{"users":["ben@example.com"]}`)
	w.want(http.StatusOK, "PUT", app+"/deprovisioning", `{"appOff":{"suspendAfter":"1d"},"suspended":{},"deleted":{"deleteAfter":"7d"},"archived":{}}`)
	same("set")
}
