package pages_test

import (
	"net/http"
	"strings"
	"testing"
)

// TestFormsSayWhatTimeFramesMean: within 24 hours is at once (R4), and what a hard delete deletes.
func TestFormsSayWhatTimeFramesMean(t *testing.T) {
	t.Parallel()
	w := configured(t)
	page := w.get(http.StatusOK, "/settings/time-frames")
	for _, want := range []string{"Done at once, normally within a minute; there is no waiting time.", "permanently removed from Comeet. The person&#39;s Google Workspace account is not touched.",
		"The hard delete must come later than the suspend."} {
		if !strings.Contains(page, want) && !strings.Contains(page, strings.ReplaceAll(want, "&#39;", "'")) {
			t.Errorf("the form does not say %q", want)
		}
	}
}
