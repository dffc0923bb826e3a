package simulation

import (
	"context"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
)

// settingKinds is what administrators do.
var settingKinds = []kind{
	{"edit scope", 3, func(w *world, n uint64) {
		if w.directory() != w.company { // it would be saved as that customer's
			return
		}
		scopes := w.scopes()
		scope := scopes[n%uint64(len(scopes))]
		w.put("edit scope", admin.Proposal{Scope: &scope}, n)
	}},
	{"edit time frames", 4, func(w *world, n uint64) {
		policy := policies[n%uint64(len(policies))]
		w.put("edit time frames", admin.Proposal{Deprovisioning: &policy}, n)
	}},
	{"edit protected", 2, func(w *world, n uint64) {
		list := []string{}
		for i := range n % 3 {
			if p := w.pick(n + 7*i); !p.deleted {
				list = append(list, p.email)
			}
		}
		w.put("edit protected", admin.Proposal{Protected: &list}, n)
	}},
	{"edit guard", 1, func(w *world, n uint64) {
		guard := provision.Guard{MaxShare: []float64{0, 0.05, 0.1, 0.5}[n%4], MinUsers: int(n / 4 % 6)}
		w.put("edit guard", admin.Proposal{Guard: &guard}, n)
	}},
	{"edit mapping", 2, func(w *world, n uint64) {
		w.put("edit mapping", admin.Proposal{Mapping: mappings[n%uint64(len(mappings))]}, n)
	}},
	{"edit connection", 2, func(w *world, n uint64) {
		c := w.memory.config.Connection
		c.UpdateMethod, c.PatchStyle = []string{"auto", "patch", "put"}[n%3], []string{"path", "value"}[n/3%2]
		c.RequestsPerSecond, c.Concurrency = float64(n/6%5), 1+int(n/30%8)
		c.HardDelete = n/240%4 != 0
		w.put("edit connection", admin.Proposal{Connection: &c}, n)
	}},
	{"preview", 2, func(w *world, n uint64) {
		scopes := w.scopes()
		scope, policy := scopes[n/10%uint64(len(scopes))], policies[n/100%uint64(len(policies))]
		p := []admin.Proposal{{}, {Scope: &scope}, {Deprovisioning: &policy}, {Scope: &scope, Deprovisioning: &policy},
			{Mapping: mappings[n/10%uint64(len(mappings))]}}[n%5]
		w.administer("preview", func(ctx context.Context, in *instance) error {
			worker, _ := ctx.Value(workerKey{}).(*worker)
			worker.looksOnly = true
			_, err := in.admin.Preview(ctx, p)
			return err
		}, nil)
	}},
	{"probe", 1, func(w *world, _ uint64) {
		w.administer("probe", func(ctx context.Context, in *instance) error {
			worker, _ := ctx.Value(workerKey{}).(*worker)
			worker.looksOnly = true
			_, err := in.admin.Probe(ctx)
			return err
		}, nil)
	}},
	{"turn off", 1, func(w *world, _ uint64) {
		w.administer("turn off", func(ctx context.Context, in *instance) error { return in.admin.TurnOff(ctx) }, nil)
	}},
	{"turn on", 4, func(w *world, n uint64) {
		w.administer("turn on", func(ctx context.Context, in *instance) error {
			if n%3 != 0 || w.memory.config.On {
				return in.admin.TurnOn(ctx, "")
			}
			return w.previewed(ctx, in, admin.Proposal{}, func(id string) error {
				worker, _ := ctx.Value(workerKey{}).(*worker)
				worker.turnsOn = true
				return in.admin.TurnOn(ctx, id)
			})
		}, nil)
	}},
	{"token refused", 1, func(w *world, _ uint64) { w.app.tokens = map[string]bool{} }},
	{"new token", 4, func(w *world, _ uint64) {
		token := w.newToken()
		w.administer("authorize", func(ctx context.Context, in *instance) error {
			return in.admin.Authorize(ctx, secrets.NewValue(token))
		}, nil)
	}},
	{"delete configuration", 1, func(w *world, n uint64) {
		if n%3 != 0 {
			return
		}
		links := w.memory.links()
		w.administer("delete configuration", func(ctx context.Context, in *instance) error { return in.admin.Delete(ctx) }, func(err error) {
			if err == nil {
				clear(w.holds)
				w.deleted(links)
			}
		})
	}},
	{"set up anew", 4, func(w *world, _ uint64) {
		if w.memory.config.Ready() || w.directory() != w.company {
			return
		}
		token := w.newToken()
		w.administer("set up anew", func(ctx context.Context, in *instance) error {
			if err := in.admin.Authorize(ctx, secrets.NewValue(token)); err != nil {
				return err
			}
			policy := policies[1]
			return in.admin.Put(ctx, admin.Proposal{Scope: &everybodyInScope, Deprovisioning: &policy}, "")
		}, nil)
	}},
	{"confirm held", 4, func(w *world, _ uint64) { w.decideHeld(true) }},
	{"dismiss held", 1, func(w *world, _ uint64) { w.decideHeld(false) }},
	{"look now", 4, func(w *world, n uint64) {
		p := w.pick(n)
		w.administer("look now", func(ctx context.Context, in *instance) error { return in.lookNow(ctx, p.id) }, nil)
	}},
	{"sweep now", 2, func(w *world, _ uint64) {
		w.administer("sweep now", func(ctx context.Context, in *instance) error { return in.admin.Sweep(ctx) }, nil)
	}},
	{"renew channels", 2, func(w *world, _ uint64) {
		w.administer("renew channels", func(ctx context.Context, in *instance) error { return in.push.Renew(ctx) }, nil)
	}},
}

func (w *world) authorize(token string) {
	w.insist("authorize", func(ctx context.Context, in *instance) error { return in.admin.Authorize(ctx, secrets.NewValue(token)) })
}

// put edits the configuration: in every fourth edit by confirming a preview of it first.
func (w *world) put(what string, p admin.Proposal, n uint64) {
	w.administer(what, func(ctx context.Context, in *instance) error {
		if n/1000%4 != 0 {
			return in.admin.Put(ctx, p, "")
		}
		return w.previewed(ctx, in, p, func(id string) error {
			worker, _ := ctx.Value(workerKey{}).(*worker)
			worker.edit = &p
			return in.admin.Put(ctx, p, id)
		})
	}, nil)
}

func (in *instance) lookNow(ctx context.Context, id string) error {
	// The look is about a person, so the worker is one of theirs.
	worker, _ := ctx.Value(workerKey{}).(*worker)
	worker.user = id
	in.world.stirred[id] = time.Now()
	_, _, err := in.admin.Reconcile(ctx, id)
	return err
}
