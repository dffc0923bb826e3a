package simulation

import (
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/infra/require"
)

// edit replaces text, which occurs once, in one file of the product.
type edit struct{ file, old, new string }

// mutation is one way to break the product, and the beginning of the rule that it
// breaks. first is the seed to begin with, where few seeds show the break; where a
// change has made that one harmless, the search goes on from it. 0 is for the first.
type mutation struct {
	rule  string
	edits []edit
	first uint64
}

// mutations break the product, each in one way, and name the rule whose checker must notice.
var mutations = []mutation{
	{rule: "operations: one worker at a time", edits: []edit{{"shared/reconcile/reconcile.go",
		"if rec.Lease != nil && rec.Lease.Until.After(r.Real()) {", "if false {"}}},
	{rule: "operations, R8, R11: only under the present", edits: []edit{{"shared/reconcile/act.go",
		"fresh.Revision != a.c.Revision || !fresh.Runs()", "fresh.Revision < 0"}}, first: 54},
	{rule: "R2: no account doubled", edits: []edit{
		{"shared/reconcile/match.go", "	if len(matches) > 0 {\n		return a.adopt(ctx, matches)\n	}\n	account, err", "	account, err"}}, first: 83},
	{rule: "R2: one person's failure never stops", edits: []edit{{"shared/reconcile/theirs.go",
		"	return thePerson\n", "	return theApp\n"}}},
	{rule: "R2, R16, R17: nobody else's account", edits: []edit{{"shared/reconcile/match.go",
		"if other, ok := linked[match.ID]; ok && other.UserID != a.rec.UserID &&", "if other, ok := linked[match.ID]; ok && false &&"},
		{"shared/reconcile/match.go", `if match.ExternalID == "" || match.ExternalID == a.rec.UserID {`, "if true {"}}, first: 44},
	{rule: "R1, R2, R13: who is active", edits: []edit{{"shared/decide/facts.go",
		"		case provision.Active:\n			return ends\n", "		case provision.Active:\n			return keeps\n"}}},
	{rule: "R1, R2, R13: who is active", edits: []edit{{"shared/scope/scope.go",
		"	in, err := anyMember(s.AccessGroups, members)\n	if err != nil || in {\n		return in, \"\", err\n	}\n", ""}}},
	{rule: "R3, R8, R13: the reason given", edits: []edit{{"shared/decide/facts.go",
		"cond.Since = latest(cond.Since, b.c.TurnedOnAt)", "_ = b.c.TurnedOnAt"}}},
	{rule: "R6: nothing is done to an archived", edits: []edit{
		{"shared/decide/removals.go", "d.protected() || d.frozen()", "d.protected()"},
		{"shared/decide/removals.go", "if d.l.User.Lifecycle == provision.Archived && dl.Condition.Name != provision.ConditionArchived {", "if false {"}}},
	{rule: "R18: protected", edits: []edit{{"shared/decide/removals.go", "d.protected() || d.frozen()", "d.frozen()"}}},
	{rule: "R4: no removal before its deadline", edits: []edit{{"shared/decide/removals.go",
		"return m.kind == kind && !m.at.After(d.now) &&", "return m.kind == kind && !m.at.After(d.now.Add(12*time.Hour)) &&"}}},
	{rule: "R9: an edit makes no hard delete", edits: []edit{{"shared/decide/deadline.go",
		"floor := edit.SavedAt.Add(editGrace)", "floor := edit.SavedAt"}}},
	{rule: "R4: a suspend precedes", edits: []edit{{"shared/decide/removals.go", "blocked: active && dl.Ordered", "blocked: false"}}},
	{rule: "R6: what fell due while archived", edits: []edit{{"shared/decide/deadline.go",
		"	return r.UnarchivedAt.Add(editGrace)\n", "	return at\n"}}, first: 193},
	{rule: "R12: what is held", edits: []edit{{"shared/decide/removals.go",
		"return h != nil && m.verdict == nil && h.Keeps(m.kind)", "_ = h; return false"}}, first: 88},
	{rule: "R12: no more removals in 24 hours", edits: []edit{{"shared/provision/configuration.go",
		"return n <= g.MinUsers || float64(n) <= g.MaxShare*float64(base)", "return n <= 2*g.MinUsers || float64(n) <= 2*g.MaxShare*float64(base)"}}},
	{rule: "R4: a removal starts within 60", edits: []edit{{"shared/reconcile/settle.go",
		"	if at.IsZero() {\n		return nil\n	}\n	now := r.Business()\n	next", "	if req.UserID != \"\" {\n		return nil\n	}\n	now := r.Business()\n	next"}}, first: 287},
	{rule: "R12: nothing else releases", edits: []edit{{"shared/decide/removals.go",
		"d.l.User.Lifecycle == provision.Archived && holds &&", "false && holds &&"}}},
	{rule: "R12: a confirmed edit releases", edits: []edit{
		{"shared/admin/preview.go", "if preview == nil || preview.Confirms == 0 {", "if preview == nil {"},
		{"shared/admin/preview.go", "if !row.Confirms {", "if !row.Operation.Removes() {"}}},
	{rule: "R5: who returns", edits: []edit{{"shared/decide/access.go",
		"	case provision.AccountSuspended:\n		op =", "	case provision.AccountSuspended:\n		break\n		op ="}}},
	{rule: "R16: a rename", edits: []edit{{"shared/decide/access.go",
		"case !op.Attributes.Equal(applied):", "case !op.Attributes.Equal(applied) && op.Attributes[\"userName\"] == applied[\"userName\"]:"}}},
	{rule: "R17: what was changed by hand", edits: []edit{{"shared/decide/facts.go",
		"if (!ok || got != value) &&", "if false && (!ok || got != value) &&"}}},
	{rule: "R7: no event says", edits: []edit{{"shared/reconcile/act.go",
		"notice.Name, notice.Cause.Text = provision.EventNotice,", "_, notice.Cause.Text = provision.EventNotice,"}}, first: 26},
	{rule: "R10: a deleted configuration", edits: []edit{{"shared/admin/delete.go",
		"s.Secrets.Delete(ctx, secrets.AppToken), s", "s.Secrets.Delete(ctx, \"not-\"+secrets.AppToken), s"}}},
	{rule: "R10: a deleted configuration", edits: []edit{{"shared/admin/delete.go",
		"LookedUnder: rec.LookedUnder, Account: rec.Account,", "LookedUnder: rec.LookedUnder, Account: rec.Account, Conditions: rec.Conditions,"}}},
	{rule: "R11: only a refused token", edits: []edit{{"shared/reconcile/act.go",
		"	case err == nil:\n		out.status = ruledOut", "	case err == nil:\n		out.status = tokenRefused"}}},
	{rule: "R17: no new accounts", edits: []edit{
		{"shared/reconcile/guard.go", "case a.op.Kind == provision.Create &&", "case false && a.op.Kind == provision.Create &&"},
		{"shared/sweep/act.go", "		over, err := r.over(ctx, kind, due[kind], now)\n", "		over, err := r.over(ctx, kind, due[kind], now)\n		over = over && kind != provision.Create\n"}}, first: 22},
	{rule: "R19: done is what the app shows", edits: []edit{{"shared/reconcile/run.go",
		"case shows(account, found):", "case shows(account, found) || a.rec.UserID != \"\":"}}},
	{rule: "R2, R4, R6: the app is as", edits: []edit{{"shared/sweep/rest.go", "case !isListed && !l.deleted &&", "case false && !isListed && !l.deleted &&"}}},
	{rule: "operations: no lease, intent", edits: []edit{{"shared/decide/retry.go",
		"known := d.l.Scope.Known || d.l.User.Lifecycle == provision.Suspended || d.l.User.Lifecycle == provision.Deleted", "known := d.l.Scope.Known"}}, first: 40},
	{rule: "R14: every operation is one event", edits: []edit{{"shared/reconcile/act.go",
		"event := a.event(intent.ID, kind, provision.OutcomeDone", "event := a.event(a.NewID(), kind, provision.OutcomeDone"}}},
	{rule: "R14: every operation is one event", edits: []edit{{"shared/reconcile/act.go", "		if more, err = a.finish(ctx, event); err == nil",
		"		twice := event\n		twice.ID = a.NewID()\n		if more, err = a.finish(ctx, event, twice); err == nil"}}},
	{rule: "R14: every decision is one event", edits: []edit{{"shared/admin/preview.go",
		"append(s.unknownEnd(before, rec), s.decisions(ctx, before, rec)...)", "s.unknownEnd(before, rec)"}}},
	{rule: "R15: tokens are in the secret store", edits: []edit{{"shared/admin/onoff.go",
		`"app authorized"`, `"app authorized"+token.Reveal()`}}},
}

// bite runs each mutation also where not everything is required.
var bite = flag.Bool("bite", false, "run every mutation until its checker bites")

// TestMutations shows that each checker bites: with the product broken in one
// way, some of the first seeds break that rule. Without -bite the mutations are
// only applied, unless everything is required.
func TestMutations(t *testing.T) {
	t.Parallel()
	root, err := filepath.Abs("../..")
	if err != nil {
		t.Fatal(err)
	}
	all := slices.Concat(mutations, outcomes, words)
	for n := 1; n <= 19; n++ { // R20 is a page's
		own := fmt.Sprintf("R%d:", n)
		if !slices.ContainsFunc(all, func(m mutation) bool { return strings.HasPrefix(m.rule, own) }) {
			t.Errorf("no mutation breaks R%d and nothing else", n)
		}
	}
	overlay := mutate(t, root, all)
	if t.Failed() || !*bite && os.Getenv(require.Variable) != "all" {
		return // they apply
	}
	binary := filepath.Join(t.TempDir(), "mutants")
	build := exec.Command("go", "test", "-c", "-vet=off", "-ldflags=-s -w", "-overlay", overlay, "-o", binary, "./infra/simulation")
	build.Dir = root
	if out, err := build.CombinedOutput(); err != nil {
		t.Fatalf("%v: %v\n%s", build, err, out)
	}
	for i, m := range all {
		t.Run(m.rule, func(t *testing.T) {
			t.Parallel()
			begin := time.Now()
			mutant := exec.Command(binary, "-test.run", "^TestSeeds$", "-first", fmt.Sprint(max(1, m.first)), "-seeds", "400", "-rule", m.rule)
			mutant.Dir, mutant.Env = root, append(os.Environ(), "GOMAXPROCS=1", fmt.Sprint(mutantVariable, "=", i)) // many run at a time
			out, err := mutant.CombinedOutput()
			bitten := regexp.MustCompile(`seed \d+: ` + regexp.QuoteMeta(m.rule)).Find(out)
			if err == nil || bitten == nil {
				t.Fatalf("no seed broke the rule; error %v\n%s", err, out)
			}
			t.Logf("bitten after %v by %s", time.Since(begin).Round(time.Second), bitten)
		})
	}
}
