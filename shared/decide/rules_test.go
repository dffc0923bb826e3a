package decide_test

import (
	"strings"
	"testing"
)

// ruleCase is one sentence of a rule: what is configured, what happens, and
// what is done, as offsets from the start. Ana is hired in scope before the
// first step.
type ruleCase struct {
	sentence string
	frames   string // rows of the policy, split by ";"
	steps    string // split by ";"
	want     string // split by ";"
}

func testRule(t *testing.T, cases []ruleCase) {
	t.Helper()
	t.Parallel()
	for _, c := range cases {
		t.Run(c.sentence, func(t *testing.T) {
			t.Parallel()
			w := newWorld()
			for _, row := range split(c.frames) {
				if err := w.configure("frames " + row); err != nil {
					t.Fatal(err)
				}
			}
			if err := w.do("hire ana"); err != nil {
				t.Fatal(err)
			}
			w.log = nil
			for _, step := range split(c.steps) {
				if err := w.do(step); err != nil {
					t.Fatalf("%s: %v", step, err)
				}
			}
			var got []string
			for _, a := range w.log {
				got = append(got, a.short())
			}
			if got, want := strings.Join(got, "; "), strings.Join(split(c.want), "; "); got != want {
				t.Errorf("%s\nframes %s\nsteps  %s\ngot    %s\nwant   %s", c.sentence, c.frames, c.steps, got, want)
			}
		})
	}
}

func split(s string) []string {
	var out []string
	for part := range strings.SplitSeq(s, ";") {
		if part = strings.Join(strings.Fields(part), " "); part != "" {
			out = append(out, part)
		}
	}
	return out
}

func TestR2_TriedAgain(t *testing.T) {
	testRule(t, []ruleCase{
		{"a sweep brings no retry forward", "suspended 1d never",
			"app refuses suspend; suspend ana; advance 1d; sweep; advance 1h; sweep; look ana",
			"1d suspend refused"},
		{"look now brings it forward", "suspended 1d never",
			"app refuses suspend; suspend ana; advance 1d; app accepts; advance 1h; look-now ana",
			"1d suspend refused; 1d1h0m suspend"},
		{"a new condition brings it forward", "suspended 1d never",
			"app refuses suspend; suspend ana; advance 1d; app accepts; advance 1h; delete ana",
			"1d suspend refused; 1d1h0m suspend"},
		{"an edit of the time frames brings a removal forward", "suspended 1d never",
			"app refuses suspend; suspend ana; advance 1d; app accepts; advance 1h; frames deleted 1d 2d",
			"1d suspend refused; 1d1h0m suspend"},
		{"a change of their own data brings an update forward", "",
			"app refuses update; title ana Lead; app accepts; advance 1h; title ana Head",
			"0d update refused; 0d1h0m update"},
		{"a refused unsuspend keeps no update back", "suspended within24h never",
			"suspend ana; app refuses unsuspend; restore ana; title ana Head",
			"0d suspend; 0d unsuspend refused; 0d unsuspend refused; 0d update"},
	})
}

func TestR3_Conditions(t *testing.T) {
	testRule(t, []ruleCase{
		{"since is the directory's own time when it lies between two looks", "suspended 7d never",
			"advance 1d; sweep; advance 1d; unnoticed suspend ana; advance 1d; look ana; advance 30d", "9d suspend"},
		{"being out of scope has no time of the directory's: the first look counts", "appOff 7d never",
			"advance 1d; unnoticed out ana; advance 1d; look ana; advance 30d", "9d suspend"},
		{"appOff does not begin while they are suspended", "appOff 1d never",
			"suspend ana; out ana; advance 30d", ""},
		{"appOff does not begin while they are archived", "appOff 1d never",
			"archive ana; out ana; advance 30d", ""},
		{"appOff begins once a suspended person out of scope is active", "appOff 1d never",
			"suspend ana; out ana; advance 5d; restore ana; advance 30d", "6d suspend"},
		{"appOff, once begun, holds while they are suspended", "appOff 7d never",
			"out ana; advance 1d; suspend ana; advance 30d", "7d suspend"},
		{"appOff, once begun, holds while they are deleted", "appOff 7d never",
			"out ana; advance 1d; delete ana; advance 30d", "7d suspend"},
		{"appOff ends in scope, also for a suspended person", "appOff 7d never",
			"out ana; advance 1d; suspend ana; in ana; advance 30d", ""},
		{"a deleted person keeps the suspension recorded before", "suspended 7d never",
			"suspend ana; advance 1d; delete ana; advance 30d", "7d suspend"},
		{"undeleted and still suspended, the suspension counts from its first day", "suspended 7d never",
			"suspend ana; advance 1d; delete ana; advance 1d; undelete ana; advance 30d", "7d suspend"},
		{"restored while in another condition: only the one whose cause ended ends", "suspended 7d never; appOff 21d never",
			"out ana; advance 1d; suspend ana; advance 1d; restore ana; advance 30d", "21d suspend"},
		{"suspended, restored and suspended again counts anew", "suspended 7d never",
			"suspend ana; advance 6d; restore ana; advance 1d; suspend ana; advance 30d", "14d suspend"},
	})
}

func TestR4_Deadlines(t *testing.T) {
	testRule(t, []ruleCase{
		{"within 24 hours is due at once", "suspended within24h never", "suspend ana", "0d suspend"},
		{"a hard delete alone within 24 hours is due at once", "deleted never within24h", "delete ana", "0d hardDelete"},
		{"never is never", "", "suspend ana; delete ana; advance 400d", ""},
		{"a day counts in full", "suspended 1d 2d", "suspend ana; advance 23h; advance 59m; look ana; advance 1m; advance 1d", "1d suspend; 2d hardDelete"},
		{"the longest time frame", "suspended 364d 365d", "suspend ana; advance 400d", "364d suspend; 365d hardDelete"},
		{"the earliest suspend of two conditions counts", "suspended 21d never; appOff 7d never",
			"suspend ana; advance 1d; restore ana; out ana; advance 1d; suspend ana; advance 30d", "8d suspend"},
		{"suspend by one condition and hard delete by another, each at its time", "appOff 1d never; deleted never 7d",
			"out ana; delete ana; advance 30d", "1d suspend; 7d hardDelete"},
		{"suspend and hard delete of two conditions due together: the hard delete waits for nothing", "appOff 7d never; deleted never 7d",
			"out ana; delete ana; advance 30d", "7d suspend; 7d hardDelete"},
		{"both due on an active account after a lost wake-up: only the suspend runs", "suspended 1d 2d",
			"unknown ana; unnoticed suspend ana; advance 5d; unnoticed known ana; unnoticed look ana; look ana; advance 30d",
			"6d suspend; 7d hardDelete"},
		{"a suspend refused past the hard delete: 24 hours after it has succeeded", "suspended 1d 2d",
			"app refuses suspend; suspend ana; advance 5d; app accepts; advance 1h; look-now ana; advance 30d",
			"1d suspend refused; 2d suspend refused; 3d suspend refused; 4d suspend refused; 5d suspend refused; 5d1h0m suspend; 6d1h0m hardDelete"},
		{"a late suspend well before the hard delete does not move it", "suspended 1d 21d",
			"app refuses suspend; suspend ana; advance 1d; app accepts; advance 1h; look-now ana; advance 30d",
			"1d suspend refused; 1d1h0m suspend; 21d hardDelete"},
		{"a hard delete alone of another condition waits with a suspend that is held, and runs once that is confirmed", "suspended 1d never; deleted never 1d",
			"guard holds; suspend ana; advance 30h; guard allows; delete ana; advance 3d; confirm ana",
			"1d suspend held; 4d6h0m suspend; 4d6h0m hardDelete"},
		{"a suspend does not wait with a hard delete that is held", "suspended 2d never; deleted never 1d",
			"guard holds; suspend ana; delete ana; advance 1d; guard allows; advance 5d",
			"1d hardDelete held; 2d suspend"},
		{"a hard delete alone of another condition runs while a suspend waits for a retry, at its own deadline", "suspended 2d never; deleted never 3d",
			"app refuses suspend; suspend ana; advance 6h; delete ana; advance 30d",
			"2d suspend refused; 3d suspend refused; 3d6h0m hardDelete"},
		{"a hard delete of the policy whose suspend is held never runs", "suspended 1d 2d",
			"guard holds; suspend ana; advance 1d; guard allows; advance 30d; look ana", "1d suspend held"},
	})
}

func TestR5_Return(t *testing.T) {
	testRule(t, []ruleCase{
		{"no condition holds any more: unsuspended", "suspended 1d never; appOff 1d never",
			"suspend ana; advance 2d; restore ana; advance 30d", "1d suspend; 2d unsuspend"},
		{"another condition still holds: not unsuspended", "suspended 21d never; appOff 1d never",
			"out ana; advance 2d; suspend ana; in ana; advance 1d; restore ana", "1d suspend; 3d unsuspend"},
		{"still out of scope: not unsuspended", "suspended 1d never; appOff 21d never",
			"out ana; suspend ana; advance 2d; restore ana; advance 1d", "1d suspend"},
		{"a hard-deleted one is created anew", "appOff never 1d", "out ana; advance 2d; in ana", "1d hardDelete; 2d create"},
	})
}

func TestR6_Archived(t *testing.T) {
	testRule(t, []ruleCase{
		{"an archived person is not suspended", "suspended 1d never", "suspend ana; archive ana; advance 30d; sweep", ""},
		{"an archived person is not unsuspended", "suspended 1d never", "suspend ana; advance 2d; archive ana; restore ana; sweep", "1d suspend"},
		{"an archived person is not updated", "", "archive ana; title ana Lead; sweep", ""},
		{"what fell due meanwhile is due 24 hours after", "suspended 7d never",
			"suspend ana; advance 5d; archive ana; advance 5d; unarchive ana; advance 30d", "11d suspend"},
		{"what did not fall due meanwhile keeps its deadline", "suspended 7d never",
			"suspend ana; advance 1d; archive ana; advance 5d; unarchive ana; advance 30d", "7d suspend"},
		{"what fell due meanwhile is dropped with its condition", "suspended 7d never",
			"suspend ana; advance 5d; archive ana; advance 5d; restore ana; unarchive ana; advance 30d", ""},
		{"a hard delete that fell due meanwhile, of an account suspended before", "suspended 1d 7d",
			"suspend ana; advance 5d; archive ana; advance 5d; unarchive ana; advance 30d", "1d suspend; 11d hardDelete"},
		{"archived again before the day is over: from the last end", "suspended 7d never",
			"suspend ana; advance 5d; archive ana; advance 5d; unarchive ana; advance 12h; archive ana; advance 12h; unarchive ana; advance 30d", "12d suspend"},
		{"deleted wins over archived, at its own time frame", "deleted within24h never",
			"archive ana; advance 5d; delete ana", "5d suspend"},
		{"deleted while archived, noticed later: still within 24 hours", "deleted within24h never",
			"archive ana; advance 5d; unnoticed delete ana; advance 1h; look ana", "5d1h0m suspend"},
		{"archived wins over suspended: a suspension while archived begins nothing", "suspended 1d never",
			"archive ana; suspend ana; advance 30d", ""},
		{"suspended while archived: the suspension begins when the archiving ends", "suspended 7d never",
			"archive ana; advance 1h; suspend ana; advance 10d; unarchive ana; advance 30d", "17d1h0m suspend"},
		{"chosen, archived orders by its own time frames", "archived 7d 21d", "archive ana; advance 60d", "7d suspend; 21d hardDelete"},
		{"chosen, the other conditions wait while archived", "archived 21d never; suspended 1d never",
			"suspend ana; archive ana; advance 10d; unarchive ana; advance 30d", "11d suspend"},
		{"chosen, and deleted: the archived condition keeps counting", "archived 7d never; deleted 21d never",
			"archive ana; advance 1d; delete ana; advance 30d", "7d suspend"},
		{"chosen while archived: begins then, hard deletes not before the day after", "",
			"archive ana; advance 10d; frames archived never within24h; advance 30d", "11d hardDelete"},
		{"chosen after they were archived, noticed later: it counts from the choice", "",
			"advance 1d; unnoticed archive ana; advance 9d; frames archived 7d never; advance 30d", "17d suspend"},
		{"chosen no more: nothing further is done", "archived 1d 7d",
			"archive ana; advance 2d; frames archived unchosen; advance 30d", "1d suspend"},
		{"a hold of an archived person is not acted on", "suspended 1d never",
			"guard holds; suspend ana; advance 1d; archive ana; confirm ana; guard allows; advance 30d", "1d suspend held"},
	})
}

func TestR7_NoAccountNoLoss(t *testing.T) {
	testRule(t, []ruleCase{
		{"gone from the app while active and in scope: created anew", "", "hand delete ana; sweep", "0d create"},
		{"gone from the app while out of scope: nothing", "appOff 1d 2d", "out ana; hand delete ana; sweep; advance 30d", ""},
		{"the hard delete of an account that is gone does not run again", "deleted never 1d", "delete ana; advance 2d; sweep; advance 30d", "1d hardDelete"},
	})
}

func TestR8_Off(t *testing.T) {
	testRule(t, []ruleCase{
		{"off, nothing runs", "suspended within24h 1d", "turn off; suspend ana; advance 30d; sweep", ""},
		{"on again, every since becomes the turn-on", "suspended 7d 21d",
			"suspend ana; advance 5d; turn off; advance 30d; turn on; advance 60d", "42d suspend; 56d hardDelete"},
		{"what began while off begins with the turn-on", "suspended 7d never",
			"turn off; advance 1d; suspend ana; advance 30d; turn on; advance 60d", "38d suspend"},
		{"turning on what is on changes nothing", "suspended 7d never", "suspend ana; advance 5d; turn on; advance 60d", "7d suspend"},
		{"what fell due while archived, with a turn-on since, is not due before its new deadline", "suspended 7d never",
			"suspend ana; archive ana; advance 10d; turn off; turn on; unarchive ana; advance 30d", "17d suspend"},
	})
}

func TestR9_Edits(t *testing.T) {
	testRule(t, []ruleCase{
		{"longer time frames bring nothing forward that waits after an archiving (R6)", "appOff within24h 1d",
			"out ana; archive ana; advance 2d; unarchive ana; advance 23h; frames appOff within24h 2d; advance 2d",
			"0d suspend; 3d hardDelete"},
		{"an edit elsewhere brings nothing forward that fell due in an archiving which ends later (R6)", "appOff 2d 3d; archived 2d never",
			"out ana; advance 1d; archive ana; advance 2d; frames suspended within24h never; advance 1h; unarchive ana; advance 2d",
			"3d suspend; 4d1h0m hardDelete"},
		{"what fell due by the time frames while archived waits a day also where an edit set it off (R6)", "suspended 1d 7d",
			"guard holds; suspend ana; archive ana; advance 10d; frames suspended never 1d; advance 15h; guard allows; unarchive ana; advance 2d",
			"11d15h0m hardDelete"},
		{"what an edit sets a day off stays so when another condition suspends", "suspended 1d 7d; deleted within24h never",
			"guard holds; suspend ana; advance 6d; advance 1h; frames suspended never within24h; guard allows; advance 1m; delete ana; advance 2d",
			"1d suspend held; 6d1h1m suspend; 7d1h0m hardDelete"},
		{"longer time frames bring nothing forward that waits after a late suspend (R4)", "suspended within24h 1d",
			"app refuses suspend; suspend ana; advance 2d; advance 12h; app accepts; look-now ana; advance 13h; frames suspended within24h 3d; advance 2d",
			"0d suspend refused; 1d suspend refused; 2d suspend refused; 2d12h0m suspend; 3d12h0m hardDelete"},
		{"a shortened suspend counts from the same since and may be due at once", "suspended 21d never",
			"suspend ana; advance 10d; frames suspended 7d never", "10d suspend"},
		{"a shortened hard delete waits a day after the edit", "suspended never 21d",
			"suspend ana; advance 10d; frames suspended never 7d; advance 30d", "11d hardDelete"},
		{"a shortened hard delete that is due later than that keeps its own deadline", "suspended never 21d",
			"suspend ana; advance 5d; frames suspended never 7d; advance 30d", "7d hardDelete"},
		{"from never to within 24 hours waits a day", "", "suspend ana; advance 10d; frames suspended never within24h; advance 30d", "11d hardDelete"},
		{"a hard delete due soon anyway is not moved by an edit elsewhere", "suspended never 7d",
			"suspend ana; advance 6d; advance 23h; frames deleted 1d 2d; advance 30d", "7d hardDelete"},
		{"a hard delete due soon anyway is not brought forward by an edit that shortens it", "suspended never 7d",
			"suspend ana; advance 6d; advance 12h; frames suspended never 2d; advance 30d", "7d hardDelete"},
		{"several edits within a day: none brings it forward", "suspended never 21d",
			"suspend ana; advance 10d; frames suspended never 7d; advance 1h; frames suspended never 2d; advance 1h; frames deleted 1d 2d; advance 30d", "11d hardDelete"},
		{"several edits on several days: the floor of the first is kept", "suspended never 21d",
			"suspend ana; advance 10d; frames suspended never 7d; advance 23h; frames deleted 1d 2d; advance 30d", "11d hardDelete"},
		{"shortened, then set to never in time: not deleted", "suspended never 21d",
			"suspend ana; advance 10d; frames suspended never 7d; advance 12h; frames suspended never never; advance 60d", ""},
		{"set to never and back: a day from the edit back", "suspended never 7d",
			"suspend ana; advance 6d; frames suspended never never; advance 23h; frames suspended never 7d; advance 30d", "7d23h0m hardDelete"},
		{"lengthened: the later one counts", "suspended never 7d", "suspend ana; advance 5d; frames suspended never 21d; advance 30d", "21d hardDelete"},
		{"a condition that begins after an edit has no floor", "suspended never 21d",
			"frames suspended never within24h; advance 1h; suspend ana; advance 1d", "0d1h0m hardDelete"},
		{"a confirmed preview lifts the floor of those whom it names", "suspended never 21d",
			"suspend ana; advance 10d; confirmed frames suspended never 7d", "10d hardDelete"},
		{"a confirmed preview of an earlier edit lifts no floor of a later one", "suspended never 30d",
			"suspend ana; advance 10d; confirmed frames suspended never 21d; advance 1h; frames suspended never 7d; advance 30d", "11d1h0m hardDelete"},
		{"an edit that drops the suspend does not set free the hard delete behind a refused one", "suspended 1d 2d",
			"app refuses suspend; suspend ana; advance 3d; advance 1h; frames suspended never 2d; advance 30d",
			"1d suspend refused; 2d suspend refused; 3d suspend refused; 4d1h0m hardDelete"},
		{"an edit that drops the suspend does not shorten the day after a late one", "suspended 1d 2d",
			"app refuses suspend; suspend ana; advance 3d; app accepts; advance 1h; look-now ana; advance 1h; frames suspended never 2d; advance 30d",
			"1d suspend refused; 2d suspend refused; 3d suspend refused; 3d1h0m suspend; 4d1h0m hardDelete"},
		{"old policies may be forgotten without shortening the day after a late suspend", "suspended 6d 7d",
			"app refuses suspend; suspend ana; advance 6d; advance 12h; frames deleted 1d 2d; app accepts; advance 17h; look-now ana; advance 10h; frames deleted 1d 3d; advance 30d",
			"6d suspend refused; 6d12h0m suspend refused; 7d5h0m suspend; 8d5h0m hardDelete"},
		{"old policies may be forgotten without moving a deadline", "suspended never 7d",
			"suspend ana; advance 6d; app refuses hardDelete; advance 12h; frames deleted 1d 2d; advance 26h; frames deleted 1d 3d; app accepts; advance 30d",
			"7d hardDelete refused; 7d14h0m hardDelete refused; 8d14h0m hardDelete"},
		{"an edit undoes nothing already done", "suspended 1d never", "suspend ana; advance 2d; frames suspended never never; advance 30d", "1d suspend"},
		{"an edit of the scope that begins a condition: hard deletes not within a day", "appOff within24h 1d",
			"advance 3d; edit out ana; advance 30d", "3d suspend; 4d hardDelete"},
		{"the same, noticed half a day late", "appOff never within24h",
			"advance 3d; unnoticed edit out ana; advance 12h; look ana; advance 30d", "4d hardDelete"},
		{"the same, by a sweep that could not tell at first", "appOff never within24h",
			"advance 3d; unnoticed edit out ana; unnoticed unclear ana; advance 1m; sweep; advance 1h; out ana; advance 30d", "4d hardDelete"},
		{"a confirmed edit of the scope lifts the floor of those whom it names", "appOff never within24h",
			"advance 3d; confirmed edit ana", "3d hardDelete"},
		{"moved out by hand well after an edit of the scope: no floor", "appOff never within24h",
			"advance 3d; edit in ana; title ana Lead; advance 1h; out ana", "3d update; 3d1h0m hardDelete"},
	})
}

func TestR12_HoldsAndVerdicts(t *testing.T) {
	testRule(t, []ruleCase{
		{"held until an administrator decides", "suspended 1d never",
			"guard holds; suspend ana; advance 1d; guard allows; sweep; advance 30d; look-now ana", "1d suspend held"},
		{"confirmed, it runs", "suspended 1d never", "guard holds; suspend ana; advance 2d; confirm ana", "1d suspend held; 2d suspend"},
		{"dismissed, it never runs for this cause", "suspended 1d never",
			"guard holds; suspend ana; advance 2d; dismiss ana; guard allows; advance 30d; sweep", "1d suspend held"},
		{"a release is for one operation", "suspended 1d 7d",
			"guard holds; suspend ana; advance 2d; confirm ana; advance 30d", "1d suspend held; 2d suspend; 7d hardDelete held"},
		{"a release is for one cause: restored and suspended again is held again", "suspended 1d never",
			"guard holds; suspend ana; advance 2d; app refuses suspend; confirm ana; restore ana; app accepts; suspend ana; advance 2d",
			"1d suspend held; 2d suspend refused; 3d suspend held"},
		{"people whose cause goes away leave the list", "suspended 1d never",
			"guard holds; suspend ana; advance 2d; restore ana; guard allows; advance 30d; suspend ana; advance 2d",
			"1d suspend held; 33d suspend"},
		{"a dismissal ends with its cause", "suspended 1d never",
			"guard holds; suspend ana; advance 2d; dismiss ana; guard allows; restore ana; suspend ana; advance 2d", "1d suspend held; 3d suspend"},
		{"a dismissed suspend of one condition leaves that of another", "suspended 1d never; deleted 7d never",
			"guard holds; suspend ana; advance 2d; dismiss ana; guard allows; delete ana; advance 30d", "1d suspend held; 9d suspend"},
		{"a confirmed preview is no release after a day without its condition", "suspended 1d never",
			"guard holds; confirmed frames suspended 2d never; advance 2d; suspend ana; advance 5d", "4d suspend held"},
	})
}

func TestR13_MissingIsNotDeleted(t *testing.T) {
	testRule(t, []ruleCase{
		{"an unknown person: nothing is decided, nothing forgotten", "suspended 1d never",
			"suspend ana; unknown ana; advance 5d; look ana; known ana", "5d suspend"},
		{"scope not known begins no condition", "appOff within24h never", "unclear ana; advance 5d; sweep", ""},
		{"scope not known ends no condition, and takes nothing away for being out", "appOff 1d never",
			"out ana; unclear ana; advance 5d; look ana; sweep", ""},
		{"scope not known keeps back no removal for another reason", "appOff 1d never; suspended 2d never",
			"out ana; unclear ana; suspend ana; advance 5d", "2d suspend"},
		{"scope not known gives no access", "suspended within24h never", "suspend ana; unclear ana; restore ana; title ana Lead", "0d suspend"},
		{"a deleted person has no scope to know: being out of it before counts", "appOff 7d never",
			"out ana; delete ana; advance 30d", "7d suspend"},
	})
}

func TestR16_RemovalsGoFirst(t *testing.T) {
	testRule(t, []ruleCase{
		{"a waiting update keeps no suspend back", "suspended within24h never",
			"app refuses update; rename ana anna; suspend anna", "0d update refused; 0d suspend"},
		{"a rename is an update of the same account", "", "rename ana anna; advance 1d; sweep", "0d update"},
		{"a rename of somebody with a condition waits for their return", "suspended within24h never",
			"suspend ana; rename ana anna; restore anna", "0d suspend; 0d unsuspend; 0d update"},
	})
}

func TestR17_Drift(t *testing.T) {
	testRule(t, []ruleCase{
		{"suspended by hand, active and in scope: unsuspended", "", "hand suspend ana; sweep", "0d unsuspend"},
		{"suspended by hand before the suspend was due: the hard delete keeps its deadline", "suspended 7d 21d",
			"suspend ana; advance 3d; hand suspend ana; sweep; advance 30d", "21d hardDelete"},
		{"suspended by hand after the app refused: the hard delete waits a day", "suspended 1d 2d",
			"app refuses suspend; suspend ana; advance 3d; hand suspend ana; advance 1h; sweep; advance 30d",
			"1d suspend refused; 2d suspend refused; 3d suspend refused; 4d1h0m hardDelete"},
		{"a fourth repair in seven days is left", "",
			"title ana A; hand title ana x; sweep; hand title ana y; sweep; hand title ana z; sweep; hand title ana q; sweep; advance 8d; sweep",
			"0d update; 0d update; 0d update; 0d update"},
		{"what was left does not hold up other attributes", "",
			"title ana A; hand title ana x; sweep; hand title ana y; sweep; hand title ana z; sweep; hand title ana q; sweep; rename ana anna; sweep",
			"0d update; 0d update; 0d update; 0d update; 0d update"},
	})
}

func TestR18_Protected(t *testing.T) {
	testRule(t, []ruleCase{
		{"never suspended or hard deleted", "suspended within24h 1d; deleted never within24h",
			"protect ana; suspend ana; advance 10d; delete ana; advance 30d; sweep", ""},
		{"protected through a rename", "suspended within24h 1d", "protect ana; rename ana anna; suspend anna; advance 30d", "0d update"},
		{"protected while held: leaves the list, and a confirmation is none", "suspended 1d never",
			"guard holds; suspend ana; advance 1d; protect ana; confirm ana; guard allows; advance 30d", "1d suspend held"},
		{"when it ends while off, a turn-on within a day brings no hard delete forward (R9)", "deleted never within24h",
			"protect ana; delete ana; advance 1d; turn off; advance 8d; unprotect ana; advance 13h; turn on; advance 2d", "10d hardDelete"},
		{"nor one that is first seen then", "deleted never within24h",
			"protect ana; advance 1d; turn off; delete ana; advance 1h; unprotect ana; advance 13h; turn on; advance 2d", "2d1h0m hardDelete"},
		{"when it ends, conditions begin then, and hard deletes wait a day", "deleted never within24h",
			"protect ana; delete ana; advance 30d; unprotect ana; advance 30d", "31d hardDelete"},
		{"when it ends, suspends count from then", "suspended 7d 21d",
			"suspend ana; advance 5d; protect ana; advance 5d; unprotect ana; advance 60d", "17d suspend; 31d hardDelete"},
		{"a condition that begins later has no floor", "deleted never within24h",
			"protect ana; advance 1d; unprotect ana; advance 1h; delete ana; advance 30d", "1d1h0m hardDelete"},
		{"a protected person in scope is updated and unsuspended like anybody", "suspended within24h never",
			"suspend ana; protect ana; title ana Lead; restore ana", "0d suspend; 0d unsuspend; 0d update"},
	})
}
