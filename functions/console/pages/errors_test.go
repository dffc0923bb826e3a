package pages

import (
	"net/http"
	"testing"

	"example.com/autoprovision/shared/fault"
)

// TestNoAnswerIsSaid: nothing can have been saved by a page that was only read.
func TestNoAnswerIsSaid(t *testing.T) {
	t.Parallel()
	err := fault.New(fault.Unavailable, "scim: list", "status 503")
	for changes, want := range map[bool]string{
		false: "Comeet or Google did not answer properly. Try again in a few minutes. (status 503)",
		true:  "Comeet or Google did not answer properly. Check whether your change was saved, then try again in a few minutes. (status 503)",
	} {
		if status, text := explained("Comeet", changes, err); status != http.StatusServiceUnavailable || text != want {
			t.Errorf("%d %q, want %q", status, text, want)
		}
	}
}
