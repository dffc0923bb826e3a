package pages

import (
	"regexp"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scope"
)

var (
	saysAtDate = regexp.MustCompile(`The account (?:will|is due to) be (suspended|hard deleted)[^.]*? on (\d+ \w+ \d{4}, \d\d:\d\d UTC)`)
	saysNow    = regexp.MustCompile(`The account is due to be (suspended|hard deleted)[^.]* now`)
)

// TestSentencesAreTrue holds every cell of the table to what is decided in it.
func TestSentencesAreTrue(t *testing.T) {
	t.Parallel()
	for _, k := range spots() {
		s := k.act()
		why, end := s.says()
		kind, at := s.coming()
		wrong := func(what string) {
			t.Errorf("%s: %s, but %s comes at %v\n\t%s %s", k, what, kind, at.UTC(), why, end)
		}
		text := why + " " + end
		if why == "" {
			wrong("nothing is said")
		}
		if k.situation == isFailing && at.Equal(sentencesNow) {
			if kind != provision.Update && !strings.Contains(text, "has not answered properly") {
				wrong("nothing of the outage")
			}
			kind = "" // as long as it lasts
		}
		if strings.Contains(text, "is created at the next check") != (kind == provision.Create && at.Equal(sentencesNow)) {
			wrong("an account at the next look, or none")
		}
		if strings.Contains(text, "unsuspended at the next check") != (kind == provision.Unsuspend && at.Equal(sentencesNow)) {
			wrong("unsuspended at the next check, or not")
		}
		words := map[string]provision.OperationKind{"suspended": provision.Suspend, "hard deleted": provision.HardDelete}
		if m := saysAtDate.FindStringSubmatch(text); m != nil && s.c.Runs() && (words[m[1]] != kind || m[2] != momentAt(at, at).Text()) {
			wrong("a removal at another time")
		}
		if m := saysNow.FindStringSubmatch(text); m != nil && s.d.Record.Next.Operation != words[m[1]] {
			wrong("another removal now")
		}
		if kind.Removes() && at.After(sentencesNow.Add(24*time.Hour)) && !strings.Contains(end, momentAt(at, at).Text()) {
			wrong("not when")
		}
		if strings.Contains(text, "time frames say “never”") {
			wrong("never, of frames that are set")
		}
		if strings.Contains(text, "No end date") && (kind.Removes() || !s.look.Scope.In || !s.c.Runs()) {
			wrong("no end")
		}
	}
}

// TestTimelineIsTrue: what the time axis shows as coming comes, and what it
// shows as not coming does not.
func TestTimelineIsTrue(t *testing.T) {
	t.Parallel()
	for _, k := range spots() {
		s := k.act()
		person := admin.Explain(s.c, s.look, s.d, sentencesNow)
		axis := standing{"Comeet", person, s.c, sentencesNow}.timeline()
		if axis == nil {
			continue
		}
		for _, row := range axis.Rows {
			for _, m := range row.Marks {
				next := person.Next != nil && m.Text == operationLabel(person.Next.Operation).Text && m.At.At.Equal(person.Next.At)
				switch {
				case m.Is == "done":
					if m.Text != "Suspend" || k.account != provision.AccountSuspended {
						t.Errorf("%s: %s is done", k, m.Text)
					}
				case m.Not != "" && next && s.c.Runs():
					t.Errorf("%s: %s %s, and is next", k, m.Text, m.Not)
				case m.Not == "" && person.Next == nil:
					t.Errorf("%s: %s %s %s, and nothing comes", k, m.Text, m.Is, m.At.Text())
				}
			}
		}
	}
}

// TestSentencesBesides is what is said in what no cell of the table is.
func TestSentencesBesides(t *testing.T) {
	t.Parallel()
	const month = -30 * 24 * time.Hour
	for _, test := range []struct {
		what string
		spot
		so   func(*scene)
		says string
	}{
		{"not set up", spot{provision.Active, provision.AccountActive, notKnown, isOn}, func(s *scene) { s.c = provision.Configuration{} },
			"They have an active account in Comeet. No provisioning scope is set yet, so nothing is decided. "},
		{"not set up, and suspended", spot{provision.Suspended, provision.AccountActive, notKnown, isOn}, func(s *scene) { s.c = provision.Configuration{} },
			"They still have an active account in Comeet, although they are suspended in Google Workspace. Autoprovisioning is not set up, so nothing is done to the account."},
		{"time frames of never", spot{provision.Suspended, provision.AccountActive, in, isOn}, func(s *scene) { s.c.Policies[0].Policy = provision.Deprovisioning{} },
			"They still have an active account in Comeet, although they are suspended in Google Workspace. Nothing more is due: the time frames say “never” for what would come next."},
		{"before the first sweep", spot{provision.Suspended, provision.AccountActive, in, isRefused}, func(s *scene) {
			s.rec.Retries, s.c.PlannedAt = nil, sentencesNow.Add(2*month)
		}, "They still have an active account in Comeet, although they are suspended in Google Workspace. The account is due to be suspended now. The operation waits for the first sweep to count everybody who is due."},
		{"archived as a condition", spot{provision.Archived, provision.AccountActive, in, isArchived}, func(s *scene) {
			s.c.Policies[0].Policy.Archived = &provision.TimeFrames{}
		}, "They still have an active account in Comeet, although they are archived in Google Workspace, and they are suspended in Google Workspace. Nothing more is due while they are archived: the time frames for archived people say “never”."},
		{"out of scope as far as is known", spot{provision.Active, provision.AccountActive, out, isRefused}, func(s *scene) {
			s.rec.Retries, s.look.Scope = nil, scope.Verdict{Reasons: []string{gapReason}}
		}, "They still have an active account in Comeet, although " + offSaid + ". The account is due to be suspended now. The operation waits, because it is not known now whether they are in scope: " + gapReason + "."},
		{"a hard delete of its own", spot{provision.Suspended, provision.AccountActive, in, isOn}, func(s *scene) {
			s.c.Policies[0].Policy.Suspended = provision.TimeFrames{DeleteAfter: "7d"}
		}, "They still have an active account in Comeet, although they are suspended in Google Workspace. The account will be hard deleted (removed from Comeet) on 15 Mar 2026, 12:00 UTC (in 5 days)."},
	} {
		s := test.act()
		test.so(&s)
		s.d = decide.Decide(s.c, s.look, s.rec, sentencesNow)
		if why, end := s.says(); why+" "+end != test.says {
			t.Errorf("%s:\n\t%s %s\nwant\n\t%s", test.what, why, end, test.says)
		}
	}
}

// TestSentences is what is said, cell by cell; cells in which the same is said
// as without their situation are left out.
func TestSentences(t *testing.T) {
	t.Parallel()
	const (
		active, suspended, archived, deleted, unknown = provision.Active, provision.Suspended, provision.Archived, provision.Deleted, provision.Unknown
		none, has, lost                               = provision.AccountNone, provision.AccountActive, provision.AccountSuspended
		// Both dates count from 8 March.
		week      = "The account will be suspended on 15 Mar 2026, 12:00 UTC (in 5 days), and hard deleted on 29 Mar 2026, 12:00 UTC."
		gone      = "The account will be hard deleted (removed from Comeet) on 29 Mar 2026, 12:00 UTC (in 19 days)."
		due       = "The account is due to be suspended now."
		dueGone   = "The account is due to be hard deleted (removed from Comeet) now."
		held      = " The operation is held until an administrator confirms or dismisses it."
		paused    = " Nothing is done until Comeet is reauthorized, because the access token is refused."
		whileOff  = "Nothing is done to the account while autoprovisioning is off. Once it is turned on, the time frames count from then."
		forArch   = "They are archived in Google Workspace. Archived people's accounts are neither created, changed nor removed."
		forNobody = "Google does not say whether they are deleted, so nothing is decided."
		notSure   = "It is not known now whether they are in scope, so nothing is decided: " + gapReason + "."
		tomorrow  = "11 Mar 2026, 11:59 UTC (in 24 hours)."
		minutes   = "10 Mar 2026, 12:04 UTC (in 4 minutes)."

		hasNone    = "They have no account in Comeet yet. They are in scope."
		because    = "They have no account in Comeet, because "
		hasOne     = "They have an active account in Comeet, because Comeet is turned on for them and they are in the provisioning scope."
		still      = "They still have an active account in Comeet"
		offNow     = still + ", although " + offSaid + "."
		leftNow    = still + ", although they are suspended in Google Workspace."
		deletedNow = still + ", although they are deleted in Google Workspace."
		isLost     = "Their account in Comeet is suspended (deactivated)"
		lostOff    = isLost + ", because " + offSaid + "."
		lostLeft   = isLost + ", because they are suspended in Google Workspace."
		backAgain  = isLost + ". They are in scope."
		noEnd      = "No end date: the account stays as long as they are in scope."
		dismissed  = "An administrator dismissed the suspend on 10 Mar 2026, 11:59 UTC, so the account stays as it is until there is a new reason, or autoprovisioning is turned off and on again."
		dismissedD = "An administrator dismissed the hard delete on 10 Mar 2026, 11:59 UTC, so the account stays as it is until there is a new reason, or autoprovisioning is turned off and on again."
		protected  = "They are protected, so the account is never suspended or hard deleted."
		waitsArch  = "What falls due meanwhile is due 24 hours after they are unarchived."
	)
	for _, test := range []struct {
		spot
		why, end string
	}{
		{spot{active, none, in, isOn}, hasNone, "An account is created at the next check."},
		{spot{active, none, in, isOff}, hasNone, "An account is created when autoprovisioning is turned on."},
		{spot{active, none, in, isUnauthorized}, hasNone, "An account is created once Comeet is reauthorized: the access token is refused."},
		{spot{active, none, in, isHeld}, hasNone, "Creating an account is held until an administrator confirms or dismisses it, because more accounts were gone from Comeet at once than your limit allows."},
		{spot{active, none, in, isDismissed}, hasNone, "No account is created: an administrator dismissed that on 10 Mar 2026, 11:59 UTC."},
		{spot{active, none, in, isRefused}, hasNone, "Comeet refused to create an account, and this is tried again on " + tomorrow},
		{spot{active, none, in, isConflict}, hasNone, "Creating an account waits for you to settle a conflict, and is tried again on " + minutes},
		{spot{active, none, in, isFailed}, hasNone, "Creating an account failed, and is tried again on " + minutes},
		{spot{active, none, in, isFailing}, hasNone, "An account is created once Comeet answers. Comeet has not answered properly since 10 Mar 2026, 11:30 UTC (30 minutes ago)."},
		{spot{active, none, in, isUnmapped}, hasNone, "No account can be created, because their attributes cannot be computed."},
		{spot{active, none, out, isOn}, because + offSaid + ".", ""},
		{spot{active, none, notKnown, isOn}, "They have no account in Comeet. " + notSure, ""},
		{spot{active, has, in, isOn}, hasOne, noEnd},
		{spot{active, has, in, isOff}, hasOne, "Nothing is done to the account while autoprovisioning is off."},
		{spot{active, has, in, isUnauthorized}, hasOne, "Nothing is done to the account until Comeet is reauthorized, because the access token is refused."},
		{spot{active, has, in, isProtected}, hasOne, noEnd},
		{spot{active, has, in, isUnmapped}, hasOne, noEnd},
		{spot{active, has, out, isOn}, offNow, week},
		{spot{active, has, out, isOff}, offNow, whileOff},
		{spot{active, has, out, isUnauthorized}, offNow, "The account is due to be suspended on 15 Mar 2026, 12:00 UTC (in 5 days)." + paused},
		{spot{active, has, out, isHeld}, offNow, due + held},
		{spot{active, has, out, isDismissed}, offNow, dismissed},
		{spot{active, has, out, isProtected}, offNow, protected},
		{spot{active, has, out, isRefused}, offNow, due + " Comeet refused this, and it is tried again on " + tomorrow},
		{spot{active, has, out, isFailing}, offNow, due + " Comeet has not answered properly since 10 Mar 2026, 11:30 UTC (30 minutes ago). The operation is tried again automatically."},
		{spot{active, has, out, isConflict}, offNow, due + " The operation waits for you to settle a conflict, and is tried again on " + minutes},
		{spot{active, has, out, isFailed}, offNow, due + " The operation failed, and is tried again on " + minutes},
		{spot{active, has, notKnown, isOn}, "They have an active account in Comeet. " + notSure, ""},
		{spot{active, lost, in, isOn}, backAgain, "The account is unsuspended at the next check."},
		{spot{active, lost, in, isOff}, backAgain, "The account is unsuspended when autoprovisioning is turned on."},
		{spot{active, lost, in, isUnauthorized}, backAgain, "The account is unsuspended once Comeet is reauthorized: the access token is refused."},
		{spot{active, lost, in, isRefused}, backAgain, "Comeet refused to unsuspend the account, and this is tried again on " + tomorrow},
		{spot{active, lost, in, isFailed}, backAgain, "Unsuspending the account failed, and is tried again on " + minutes},
		{spot{active, lost, in, isUnmapped}, backAgain, "The account is unsuspended at the next check."},
		{spot{active, lost, out, isOn}, lostOff, gone},
		{spot{active, lost, out, isHeld}, lostOff, dueGone + held},
		{spot{active, lost, out, isDismissed}, lostOff, dismissedD},
		{spot{active, lost, out, isProtected}, lostOff, protected},
		{spot{active, lost, out, isRefused}, lostOff, dueGone + " Comeet refused this, and it is tried again on " + tomorrow},
		{spot{active, lost, notKnown, isOn}, isLost + ". " + notSure, ""},
		{spot{suspended, none, in, isOn}, because + "they are suspended in Google Workspace.", ""},
		{spot{suspended, none, out, isOn}, because + "they are suspended in Google Workspace; " + offSaid + ".", ""},
		{spot{suspended, none, notKnown, isOn}, because + "they are suspended in Google Workspace.", ""},
		{spot{suspended, has, in, isOn}, leftNow, week},
		{spot{suspended, has, in, isArchived}, still + ". " + forArch, waitsArch},
		{spot{suspended, has, in, isOff}, leftNow, whileOff},
		{spot{suspended, has, in, isHeld}, leftNow, due + held},
		{spot{suspended, has, in, isDismissed}, leftNow, dismissed},
		{spot{suspended, has, in, isProtected}, leftNow, protected},
		{spot{suspended, has, out, isOn}, leftNow, week},
		{spot{suspended, lost, in, isOn}, lostLeft, gone},
		{spot{suspended, lost, in, isArchived}, isLost + ". " + forArch, waitsArch},
		{spot{archived, none, in, isOn}, because + "they are archived in Google Workspace.", ""},
		{spot{archived, has, in, isOn}, still + ". " + forArch, ""},
		{spot{archived, has, out, isOff}, still + ". " + forArch, ""},
		{spot{archived, lost, in, isOn}, isLost + ". " + forArch, ""},
		{spot{deleted, none, in, isOn}, because + "they are deleted in Google Workspace.", ""},
		{spot{deleted, has, in, isOn}, deletedNow, week},
		{spot{deleted, has, in, isUnauthorized}, deletedNow, "The account is due to be suspended on 15 Mar 2026, 12:00 UTC (in 5 days)." + paused},
		{spot{deleted, lost, in, isOn}, isLost + ", because they are deleted in Google Workspace.", gone},
		{spot{unknown, none, in, isOn}, "They have no account in Comeet. " + forNobody, ""},
		{spot{unknown, has, in, isOn}, "They have an active account in Comeet. " + forNobody, ""},
		{spot{unknown, lost, in, isOn}, isLost + ". " + forNobody, ""},
	} {
		if why, end := test.act().says(); why != test.why || end != test.end {
			t.Errorf("%s:\n\t%s\n\t%s\nwant\n\t%s\n\t%s", test.spot, why, end, test.why, test.end)
		}
	}
}
