package audit

import (
	"strings"
	"testing"
)

// What an administrator did as they were told is no reason to warn them, and a
// company may have given the app another name.
func TestReviewsOfOurApp(t *testing.T) {
	t.Parallel()
	for what, test := range map[string]struct {
		entry []byte
		want  string
	}{
		"turned off":           {admin("UPDATE_AUTO_PROV_STATUS", "APPLICATION_NAME", "Comeet", "NEW_VALUE", "OFF"), ""},
		"turned off, in words": {admin("UPDATE_AUTO_PROV_STATUS", "APPLICATION_NAME", "Comeet", "NEW_VALUE", "Disabled"), ""},
		"turned on":            {admin("UPDATE_AUTO_PROV_STATUS", "APPLICATION_NAME", "Comeet", "NEW_VALUE", "ON"), "at work"},
		"no value":             {admin("UPDATE_AUTO_PROV_STATUS", "APPLICATION_NAME", "Comeet"), "at work"},
		"another name of ours": {admin("UPDATE_AUTO_PROVISIONED_USER", "APPLICATION_NAME", "comeet SSO"), "at work"},
		"another app":          {admin("UPDATE_AUTO_PROVISIONED_USER", "APPLICATION_NAME", "Comet"), ""},
		"a service of ours":    {admin("TOGGLE_SERVICE_ENABLED", "SERVICE_NAME", "Comeet SSO", "NEW_VALUE", "false", "ORG_UNIT_NAME", "Sales"), "was turned off"},
		"another service":      {admin("TOGGLE_SERVICE_ENABLED", "SERVICE_NAME", "Sites", "NEW_VALUE", "false"), ""},
	} {
		t.Run(what, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t)
			w.must(w.Receive(t.Context(), message(test.entry)))
			got := strings.Join(w.reviews(), "; ")
			if (got != "") != (test.want != "") || !strings.Contains(got, test.want) {
				t.Errorf("reviews %q, want %q", got, test.want)
			}
		})
	}
}
