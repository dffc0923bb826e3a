package simulation

import (
	"math/rand/v2"
	"slices"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
)

// dream draws a life from a seed.
func dream(seed uint64, days, people int) life {
	rng := rand.New(rand.NewPCG(seed, 0))
	l := life{seed: seed, people: people}
	maybe := func(f *float64, rate float64) {
		if rng.IntN(2) == 0 {
			*f = rate * (0.2 + rng.Float64())
		}
	}
	f := &l.faults
	maybe(&f.state, 0.005)
	maybe(&f.directory, 0.01)
	maybe(&f.throttle, 0.01)
	maybe(&f.missingKeys, 0.01)
	maybe(&f.partial, 0.03)
	maybe(&f.stale, 0.3)
	maybe(&f.app, 0.02)
	maybe(&f.refuse, 0.03)
	maybe(&f.forbid, 0.02)
	maybe(&f.timeout, 0.05)
	maybe(&f.slow, 0.1)
	maybe(&f.ineffective, 0.05)
	maybe(&f.lost, 0.03)
	maybe(&f.doubled, 0.2)
	maybe(&f.delayed, 0.1)
	maybe(&f.crash, 0.002)
	maybe(&f.absent, 0.005)
	maybe(&f.stall, 0.0005)
	if rng.IntN(2) == 0 {
		f.skew = time.Duration(1+rng.IntN(10)) * time.Second
	}
	total := 0
	for _, k := range kinds {
		total += k.often
	}
	for day := range days {
		sweeps := 1
		if seed%7 == 0 {
			sweeps = 4
		}
		begin := time.Hour + time.Duration(day)*24*time.Hour
		for i := range sweeps {
			l.steps = append(l.steps, step{at: begin + time.Duration(i)*24*time.Hour/time.Duration(sweeps), kind: "scheduled sweep"})
		}
		for range rng.IntN(5) {
			n := rng.IntN(total)
			for _, k := range kinds {
				if n -= k.often; n < 0 {
					s := step{at: begin + time.Duration(rng.Int64N(int64(24*time.Hour))), kind: k.name, n: rng.Uint64()}
					if rng.IntN(4) == 0 {
						s.at = begin + time.Duration(rng.IntN(5))*time.Second // while the sweep runs
					}
					l.steps = append(l.steps, s)
					break
				}
			}
		}
	}
	if seed%4 == 0 {
		for range 1 + rng.IntN(6) {
			at := time.Hour + time.Duration(rng.Int64N(int64(days)*int64(24*time.Hour)))
			l.steps = append(l.steps, step{at: at, kind: "account breaks", n: rng.Uint64()})
		}
	}
	if seed%10 == 3 {
		l.steps = append(l.steps, plotted(seed, days)...)
	}
	slices.SortStableFunc(l.steps, func(a, b step) int { return int(a.at - b.at) })
	return l
}

// plots are what happens to one person, one thing after another, that would
// seldom come together by luck alone.
var plots = [][]step{
	{ // leaves while it is off, and is looked at while it is turned on again
		{kind: "turn off"}, {kind: "suspend", at: time.Hour}, {kind: "turn on", at: 2 * time.Hour},
		{kind: "look now", at: 2*time.Hour + 200*time.Millisecond}, {kind: "look now", at: 2*time.Hour + 500*time.Millisecond},
		{kind: "look now", at: 2*time.Hour + time.Second}, {kind: "look now", at: 2*time.Hour + 2*time.Second},
	},
	{ // a deleted user keeps the conditions recorded before (R3)
		{kind: "suspend"}, {kind: "delete", at: 6 * time.Hour},
	},
	{ // what is due while somebody is archived waits (R6)
		{kind: "suspend"}, {kind: "archive", at: 6 * time.Hour}, {kind: "unarchive", at: 9 * 24 * time.Hour},
	},
}

// plotted is some of the plots, each about one person, on days of the seed. What would
// come after its last day, with no sweep in between, is left out.
func plotted(seed uint64, days int) (steps []step) {
	rng := rand.New(rand.NewPCG(seed, 3))
	for range 3 {
		begin, n := time.Hour+time.Duration(rng.IntN(days))*24*time.Hour+time.Duration(rng.Int64N(int64(24*time.Hour))), rng.Uint64()
		for _, s := range plots[rng.IntN(len(plots))] {
			if at := begin + s.at; at < time.Duration(days)*24*time.Hour {
				steps = append(steps, step{at: at, kind: s.kind, n: n})
			}
		}
	}
	return steps
}

// policies are the time frames to choose from.
var policies = []provision.Deprovisioning{
	{AppOff: provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "7d"}, Suspended: provision.TimeFrames{SuspendAfter: "within24h", DeleteAfter: "7d"},
		Deleted: provision.TimeFrames{SuspendAfter: "within24h", DeleteAfter: "1d"}},
	{AppOff: provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "7d"}, Suspended: provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "7d"},
		Deleted: provision.TimeFrames{DeleteAfter: "1d"}, Archived: &provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "3d"}},
	{AppOff: provision.TimeFrames{SuspendAfter: "within24h"}, Suspended: provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "2d"},
		Deleted: provision.TimeFrames{DeleteAfter: "2d"}},
	{AppOff: provision.TimeFrames{DeleteAfter: "1d"}, Suspended: provision.TimeFrames{SuspendAfter: "7d", DeleteAfter: "21d"},
		Deleted: provision.TimeFrames{DeleteAfter: "within24h"}},
	{Suspended: provision.TimeFrames{SuspendAfter: "within24h"}, Deleted: provision.TimeFrames{SuspendAfter: "1d", DeleteAfter: "7d"}},
	{AppOff: provision.TimeFrames{SuspendAfter: "2d", DeleteAfter: "3d"}, Suspended: provision.TimeFrames{DeleteAfter: "3d"}},
}

// scopes are the scopes to choose from; the root's path is always there. They
// turn off what stands in an org unit's place by now, or leave it out.
func (w *world) scopes() []admin.ScopeInput {
	units := func(list ...admin.OrgUnitInput) (there []admin.OrgUnitInput) {
		for _, u := range list {
			if u.Path = w.company.pathOf(u.Path); u.Path != "" {
				there = append(there, u)
			}
		}
		return there
	}
	root := units(admin.OrgUnitInput{Path: "/", On: true})
	return []admin.ScopeInput{
		everybodyInScope,
		{OrgUnits: units(root[0], admin.OrgUnitInput{Path: "/Ops"})},
		{OrgUnits: root, Groups: []string{staffGroup}},
		{OrgUnits: units(admin.OrgUnitInput{Path: "/Sales", On: true}, admin.OrgUnitInput{Path: "/Sales/East"}), AccessGroups: []string{accessGroup}},
		{OrgUnits: root, Domains: []string{primaryDomain}},
		{OrgUnits: root, Groups: []string{staffGroup, accessGroup}, Domains: []string{secondDomain}},
	}
}

// mappings are the mappings to choose from; the first is the profile's own, and
// the last fails for whoever has no title.
var mappings = [][]provision.MappedAttribute{
	{{App: "userName", Directory: "primaryEmail"}, {App: "name.givenName", Directory: "name.givenName"},
		{App: "name.familyName", Directory: "name.familyName"}, {App: `emails[type eq "work"].value`, Directory: "primaryEmail"}},
	{{App: "userName", Directory: "primaryEmail"}, {App: "name.givenName", Directory: "name.givenName"},
		{App: "name.familyName", Directory: "name.familyName"}, {App: `emails[type eq "work"].value`, Directory: "primaryEmail"},
		{App: "title", Directory: "name.familyName"}},
	{{App: "userName", Directory: "primaryEmail"}, {App: "name.givenName", Directory: "name.givenName"},
		{App: "name.familyName", Directory: "name.familyName"}, {App: `emails[type eq "work"].value`, Directory: "primaryEmail"},
		{App: "title", Expression: "user.organizations[0].title"}},
}
