package admin_test

import "testing"

// TestTrial: a mapping is tried on a bounded number of people in scope; who it
// fails for is shown first, and nothing is changed.
func TestTrial(t *testing.T) {
	t.Parallel()
	o := newOffice(t)
	ids := o.World.Directory.HireMany(510)
	o.World.Directory.Title(ids[400], "!") // for which the mapper of the tests fails
	trial, err := o.Try(t.Context(), nil)
	must(t, err)
	if trial.People != 500 || trial.Failed != 1 || !trial.Partial || !trial.Scoped || len(trial.Sample) != 10 {
		t.Fatalf("tried on %d, %d fail, partial %v, scoped %v, shows %d", trial.People, trial.Failed, trial.Partial, trial.Scoped, len(trial.Sample))
	}
	seen := map[string]bool{}
	for i, tried := range trial.Sample {
		if (tried.Err != nil) != (i == 0) || (tried.Values == nil) != (i == 0) {
			t.Errorf("%d of the sample is %+v", i, tried)
		}
		seen[tried.Email] = true
	}
	if len(seen) != 10 {
		t.Errorf("the sample shows somebody twice: %v", seen)
	}
	if len(o.World.Events()) > 0 || len(o.World.App.Writes()) > 0 {
		t.Error("the trial did something")
	}
}
