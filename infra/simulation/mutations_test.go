package simulation

// outcomes break the product so that access is given to the wrong people, or so
// that somebody who left keeps theirs, or so that nobody is told.
var outcomes = []mutation{
	{rule: "R1: nobody is given access", edits: []edit{{"shared/scope/scope.go",
		`if reason := domain(s, org, u); reason != "" {`, `if reason := domain(s, org, u); false {`}}},
	{rule: "R1: nobody is given access", edits: []edit{{"shared/scope/scope.go",
		"	case !in:\n		return out(\"they are not a member", "	case false && !in:\n		return out(\"they are not a member"}}},
	{rule: "R1: nobody is given access", edits: []edit{
		{"shared/decide/access.go", "if d.l.User.Lifecycle != provision.Active || !d.l.Scope.Known",
			"if d.l.User.Lifecycle != provision.Active && d.l.User.Lifecycle != provision.Suspended || !d.l.Scope.Known"},
		{"shared/reconcile/see.go", "if s.look.User.Lifecycle == provision.Active && s.look.Scope.Known",
			"if (s.look.User.Lifecycle == provision.Active || s.look.User.Lifecycle == provision.Suspended) && s.look.Scope.Known"}}},
	{rule: "R3: since is", edits: []edit{{"shared/decide/facts.go", "		return own\n	}\n	return now", "		_ = own\n	}\n	return now"}}, first: 54},
	{rule: "R2, R4, R6: the app is as", edits: []edit{ // a deleted or archived user keeps what was recorded before (R3, R6)
		{"shared/decide/facts.go", "		case provision.Active:\n			return ends\n",
			"		case provision.Active, provision.Deleted, provision.Archived:\n			return ends\n"},
		{"shared/decide/facts.go", "		case !b.l.Scope.Known || state == provision.Archived || state == provision.Deleted:\n",
			"		case state == provision.Archived || state == provision.Deleted:\n			return ends\n		case !b.l.Scope.Known:\n"}}, first: 365},
	{rule: "R2, R4, R6: the app is as", edits: []edit{{"shared/decide/facts.go", "		case state == provision.Active:\n			return begins\n", ""}}},
	{rule: "R2, R4, R6: the app is as", edits: []edit{{"shared/decide/facts.go",
		"		case policy.Archived == nil:\n			return ends\n", "		case policy.Archived == nil || true:\n			return ends\n"}}},
	{rule: "R4: who leaves", edits: []edit{{"shared/decide/deadline.go",
		"Suspend:   due(cond.Since, frames.SuspendAfter),", "Suspend:   due(cond.Since.Add(24*time.Hour), frames.SuspendAfter),"}}},
	{rule: "R4: who leaves", edits: []edit{{"shared/decide/facts.go", "		cond.Since = b.now\n", "		cond.Since = b.now.Add(60 * 24 * time.Hour)\n"}}},
	{rule: "R5: a deadline ends", edits: []edit{{"shared/decide/decide.go",
		"	d.r.Next = next(candidates)\n", "	if n := next(candidates); n != nil {\n		d.r.Next = n\n	}\n"}}},
	{rule: "R6: archived people", edits: []edit{{"shared/decide/attention.go", "provision.AttentionArchived", "provision.AttentionProtected"}}},
	{rule: "R8: after a turn-on", edits: []edit{{"shared/decide/removals.go", "if d.c.PlannedAt.Before(d.c.TurnedOnAt) {", "if false {"}}, first: 1763},
	{rule: "R9: new time frames", edits: []edit{{"shared/decide/facts.go", "	cond.Since = latest(cond.Since, b.c.TurnedOnAt)",
		"	cond.Since = latest(cond.Since, b.c.TurnedOnAt)\n	if n := len(b.c.Policies); n > 0 {\n		cond.Since = latest(cond.Since, b.c.Policies[n-1].SavedAt)\n	}"}}},
	{rule: "R12: within the limit", edits: []edit{{"shared/provision/configuration.go",
		"return n <= g.MinUsers || float64(n) <= g.MaxShare*float64(base)", "return n < 1 && base >= 0"}}},
	{rule: "R13: before a removal", edits: []edit{{"shared/reconcile/reconcile.go",
		"if !needsFresh(req, rec, seen, d) {", "if true || !needsFresh(req, rec, seen, d) {"}}},
	{rule: "R14: every refusal", edits: []edit{{"shared/reconcile/act.go",
		"	return a.finish(ctx, a.event(intent.ID, intent.Operation, result, out.text))", "	_ = result\n	return a.finish(ctx)"}}, first: 32},
	{rule: "R14: every operation is one event", edits: []edit{{"shared/reconcile/act.go", "		if more, err = a.finish(ctx, event); err == nil",
		"		all := []provision.Event{event}\n		if kind == provision.HardDelete || kind == provision.Update {\n" +
			"			all = append(all, event)\n			all[1].ID = a.NewID()\n		}\n		if more, err = a.finish(ctx, all...); err == nil"}}},
	{rule: "R17: what was changed by hand", edits: []edit{{"shared/decide/facts.go", "got, ok = account.ExternalID, true", "got, ok = value, true"}}, first: 101},
	{rule: "R18: whoever has a listed address", edits: []edit{{"shared/admin/sections.go", "		list = append(list, known...)\n", ""}}, first: 154},
	{rule: "R2: the link is to their own", edits: []edit{{"shared/reconcile/effect.go",
		"ID: out.account.ID, State: provision.AccountActive", "ID: out.account.ID + \"0\", State: provision.AccountActive"}}},
	{rule: "R18: what would happen", edits: []edit{{"shared/decide/attention.go", "provision.AttentionProtected", "provision.AttentionArchived"}}},
	{rule: "R19: a refusal is retried", edits: []edit{{"shared/decide/retry.go", "	if reason == provision.RetryRefused {\n		wait =", "	if false {\n		wait ="}}},
}
