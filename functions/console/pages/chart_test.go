package pages

import (
	"math"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// TestChartReachesItsTop: the highest bar ends at the line that has its number.
func TestChartReachesItsTop(t *testing.T) {
	t.Parallel()
	now := time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)
	day := func(d int) string { return now.AddDate(0, 0, -d).Format(time.DateOnly) }
	v := viewUsage([]state.DayCount{
		{Day: day(3), Name: provision.EventCreate, Outcome: provision.OutcomeDone, Count: 30},
		{Day: day(3), Name: provision.EventSuspend, Outcome: provision.OutcomeDone, Count: 8},
		{Day: day(1), Name: provision.EventSuspend, Outcome: provision.OutcomeDone, Count: 19},
		{Day: day(1), Name: provision.EventSuspend, Outcome: provision.OutcomeFailed, Count: 1},
	}, now)
	top := func(d int) int {
		y := v.Base
		for _, part := range v.Bars[usageDays-1-d].Parts {
			y = min(y, part.Y)
		}
		return y
	}
	if v.Top != 38 || top(3) < 1 || top(3) > 2 || top(1) < v.Base/2-2 || top(1) > v.Base/2+2 {
		t.Errorf("of %d, 38 ends at %d and 19 at %d, the base is %d", v.Top, top(3), top(1), v.Base)
	}
}

// TestChartColours: each part of the chart is seen against the card that it is
// drawn on, in each theme (WCAG 2.2, 1.4.11).
func TestChartColours(t *testing.T) {
	t.Parallel()
	sheet, err := files.ReadFile("static/style.css")
	if err != nil {
		t.Fatal(err)
	}
	for theme, colours := range strings.SplitN(string(sheet), "@media (prefers-color-scheme: dark)", 2) {
		value := func(name string) float64 {
			m := regexp.MustCompile(`--` + name + `: #([0-9a-f]{3,6});`).FindStringSubmatch(colours)
			if m == nil {
				t.Fatalf("theme %d has no %s", theme, name)
			}
			return luminance(t, m[1])
		}
		for _, part := range []string{"create", "update", "suspend", "unsuspend", "delete", "failure"} {
			light, dark := max(value(part), value("card")), min(value(part), value("card"))
			if contrast := (light + .05) / (dark + .05); contrast < 3 {
				t.Errorf("theme %d: %s has a contrast of %.2f", theme, part, contrast)
			}
		}
	}
}

// luminance is the relative luminance of a colour in hexadecimal digits.
func luminance(t *testing.T, hex string) (sum float64) {
	t.Helper()
	if len(hex) == 3 {
		hex = string([]byte{hex[0], hex[0], hex[1], hex[1], hex[2], hex[2]})
	}
	n, err := strconv.ParseUint(hex, 16, 32)
	if err != nil {
		t.Fatal(err)
	}
	for i, weight := range []float64{.0722, .7152, .2126} {
		c := float64(n>>(8*i)&255) / 255
		if c <= .03928 {
			c /= 12.92
		} else {
			c = math.Pow((c+.055)/1.055, 2.4)
		}
		sum += weight * c
	}
	return sum
}
