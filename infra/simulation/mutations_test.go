package simulation

// outcomes break the product so that access is given to the wrong people, or so
// that somebody who left keeps theirs, or so that nobody is told.
var outcomes = []mutation{
	{"R1: nobody is given access", []edit{{"shared/scope/scope.go",
		`if reason := domain(s, org, u); reason != "" {`, `if reason := domain(s, org, u); false {`}}},
	{"R1: nobody is given access", []edit{{"shared/scope/scope.go",
		"	case !in:\n		return out(\"they are not a member", "	case false && !in:\n		return out(\"they are not a member"}}},
	{"R1: nobody is given access", []edit{
		{"shared/decide/access.go", "if d.l.User.Lifecycle != provision.Active || !d.l.Scope.Known",
			"if d.l.User.Lifecycle != provision.Active && d.l.User.Lifecycle != provision.Suspended || !d.l.Scope.Known"},
		{"shared/reconcile/see.go", "if s.look.User.Lifecycle == provision.Active && s.look.Scope.Known",
			"if (s.look.User.Lifecycle == provision.Active || s.look.User.Lifecycle == provision.Suspended) && s.look.Scope.Known"}}},
	{"R3: since is", []edit{{"shared/decide/facts.go", "		return own\n	}\n	return now", "		_ = own\n	}\n	return now"}}},
	{"R2, R4, R6: the app is as", []edit{ // a deleted or archived user keeps what was recorded before (R3, R6)
		{"shared/decide/facts.go", "		case provision.Active:\n			return ends\n",
			"		case provision.Active, provision.Deleted, provision.Archived:\n			return ends\n"},
		{"shared/decide/facts.go", "		case !b.l.Scope.Known || state == provision.Archived || state == provision.Deleted:\n",
			"		case state == provision.Archived || state == provision.Deleted:\n			return ends\n		case !b.l.Scope.Known:\n"}}},
	{"R2, R4, R6: the app is as", []edit{{"shared/decide/facts.go", "		case state == provision.Active:\n			return begins\n", ""}}},
	{"R2, R4, R6: the app is as", []edit{{"shared/decide/facts.go",
		"		case policy.Archived == nil:\n			return ends\n", "		case policy.Archived == nil || true:\n			return ends\n"}}},
	{"R4: who leaves", []edit{{"shared/decide/deadline.go",
		"Suspend:   due(cond.Since, frames.SuspendAfter),", "Suspend:   due(cond.Since.Add(24*time.Hour), frames.SuspendAfter),"}}},
	{"R4: who leaves", []edit{{"shared/decide/facts.go", "		cond.Since = b.now\n", "		cond.Since = b.now.Add(60 * 24 * time.Hour)\n"}}},
	{"R5: a deadline ends", []edit{{"shared/decide/decide.go",
		"	d.r.Next = next(candidates)\n", "	if n := next(candidates); n != nil {\n		d.r.Next = n\n	}\n"}}},
	{"R6: archived people", []edit{{"shared/decide/attention.go", "provision.AttentionArchived", "provision.AttentionProtected"}}},
	{"R8: after a turn-on", []edit{{"shared/decide/removals.go", "if d.c.PlannedAt.Before(d.c.TurnedOnAt) {", "if false {"}}},
	{"R9: new time frames", []edit{{"shared/decide/facts.go", "	cond.Since = latest(cond.Since, b.c.TurnedOnAt)",
		"	cond.Since = latest(cond.Since, b.c.TurnedOnAt)\n	if n := len(b.c.Policies); n > 0 {\n		cond.Since = latest(cond.Since, b.c.Policies[n-1].SavedAt)\n	}"}}},
	{"R12: within the limit", []edit{{"shared/provision/configuration.go",
		"return n <= g.MinUsers || float64(n) <= g.MaxShare*float64(base)", "return n < 1 && base >= 0"}}},
	{"R13: before a removal", []edit{{"shared/reconcile/reconcile.go",
		"if !needsFresh(req, rec, seen, d) {", "if true || !needsFresh(req, rec, seen, d) {"}}},
	{"R14: every refusal", []edit{{"shared/reconcile/act.go",
		"	return a.finish(ctx, a.event(intent.ID, intent.Operation, result, out.text))", "	_ = result\n	return a.finish(ctx)"}}},
	{"R14: every operation is one event", []edit{{"shared/reconcile/act.go", "		if more, err = a.finish(ctx, event); err == nil",
		"		all := []provision.Event{event}\n		if kind == provision.HardDelete || kind == provision.Update {\n" +
			"			all = append(all, event)\n			all[1].ID = a.NewID()\n		}\n		if more, err = a.finish(ctx, all...); err == nil"}}},
	{"R17: what was changed by hand", []edit{{"shared/decide/facts.go", "got, ok = account.ExternalID, true", "got, ok = value, true"}}},
	{"R18: what would happen", []edit{{"shared/decide/attention.go", "provision.AttentionProtected", "provision.AttentionArchived"}}},
	{"R19: a refusal is retried", []edit{{"shared/decide/retry.go", "	if reason == provision.Refused {\n		wait =", "	if false {\n		wait ="}}},
}
