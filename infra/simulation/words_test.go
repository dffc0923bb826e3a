package simulation

// words break what the product says of itself and of what it was told: which
// directory answers, what an administrator decided, and what the log tells.
var words = []mutation{
	{rule: "R13: another customer's directory", edits: []edit{{"shared/scope/scope.go",
		"	switch known := s.CustomerID != \"\" && u.CustomerID != \"\"; {\n", "	switch known := s.CustomerID != \"\" && u.CustomerID != \"\"; {\n	case true:\n		return \"\"\n"}}},
	{rule: "R13: who may be in scope", edits: []edit{{"shared/decide/removals.go",
		"return m.cond.Name != provision.ConditionAppOff || d.l.Scope.Known ||", "return m.kind != \"\" || d.l.Scope.Known ||"}}},
	{rule: "R12: a preview changes nothing", edits: []edit{{"shared/admin/preview.go", "	now := s.Real()\n	if err := s.Store.ExpirePreviews(",
		"	now := s.Real()\n	if _, err := s.Store.PutConfiguration(ctx, proposed); err != nil {\n		return provision.Preview{}, err\n	}\n	if err := s.Store.ExpirePreviews("}}},
	{rule: "R12: a release is for one person", edits: []edit{{"shared/admin/held.go", "		rec.Verdicts = append(rec.Verdicts, provision.Verdict{\n",
		"		rec.Verdicts = append(rec.Verdicts, provision.Verdict{Operation: provision.HardDelete, Condition: hold.Condition, Since: hold.Since, Release: release, At: now}, provision.Verdict{\n"}}},
	{rule: "R2: what failed waits", edits: []edit{{"shared/decide/retry.go", `return d.r.Account.ID == "" || d.l.Account != nil`,
		"return !d.r.Account.Exists() || d.l.Account != nil"}}, first: 7356312269392},
	{rule: "R4: nothing goes round in circles", edits: []edit{{"shared/reconcile/settle.go",
		"	list := []tasks.Task{next(cause, at)}\n", "	list := []tasks.Task{next(cause+r.NewID(), now.Add(-time.Hour))}\n"}}},
	{rule: "R14: each change of the configuration", edits: []edit{{"shared/admin/edit.go",
		"return []provision.Event{s.event(ctx, what)}, nil", "return nil, nil"}}},
	{rule: "R14: each change of the configuration", edits: []edit{{"shared/admin/edit.go",
		"return []provision.Event{s.event(ctx, what)}, nil", "return []provision.Event{s.event(ctx, what), s.event(ctx, what)}, nil"}}},
	{rule: "R2: whom the mapping fails for", edits: []edit{{"shared/decide/attention.go",
		"return provision.AttentionFailed, \"Nothing", "return provision.AttentionDrift, \"Nothing"}}},
	{rule: "connection: no hard delete", edits: []edit{{"shared/reconcile/run.go", "	if !a.c.Connection.HardDelete {", "	if false {"}}},
}
