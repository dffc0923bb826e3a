package pages

import (
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
