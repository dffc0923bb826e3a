package provision_test

import (
	"fmt"
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
)

// FuzzDelay sees that a time frame has exactly one spelling, so that no text
// means another deadline than the one who reads it takes it for.
func FuzzDelay(f *testing.F) {
	for _, seed := range []string{"", "within24h", "1d", "7d", "21d", "365d", "366d", "0d", "-1d", "+1d", "01d", "1 d", "1D", "d", "1e2d", "٣d", "99999999999999999999d", "Within24h"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, text string) {
		d := provision.Delay(text)
		after, ok := d.Duration()
		if d.Valid() != (ok || text == "") {
			t.Errorf("%q: Valid %v, Duration ok %v", text, d.Valid(), ok)
		}
		if !ok {
			return
		}
		days := int(after / (24 * time.Hour))
		if want := fmt.Sprintf("%dd", days); text != want && text != "within24h" || days > 365 || after != time.Duration(days)*24*time.Hour {
			t.Errorf("%q is %v", text, after)
		}
	})
}
