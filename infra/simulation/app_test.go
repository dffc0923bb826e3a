package simulation

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
)

// account is an account in the app as it really is.
type account struct {
	provision.Account
	// owner is the person that we made or adopted it for; empty for one that is nobody's of ours.
	owner string
	// suspendedAt is when it was last suspended, by whomever.
	suspendedAt time.Time
	// reopenedAt is when somebody last unsuspended it by hand.
	reopenedAt time.Time
	// refuses says that the app keeps it from being suspended or deleted, for open roles (R19).
	refuses bool
	// unreadable and unwritable say that the app fails at each reading by id of
	// this one, and at each change.
	unreadable, unwritable bool
}

// broken reports whether the app fails over this account alone.
func (acc *account) broken() bool { return acc.unreadable || acc.unwritable }

// application is the app: its accounts, in the order in which they were made, and its valid tokens.
type application struct {
	accounts []*account
	removed  []*account
	made     int
	tokens   map[string]bool
	// downUntil is the end of an outage.
	downUntil time.Time
}

func (a *application) get(id string) *account {
	for _, acc := range a.accounts {
		if acc.ID == id {
			return acc
		}
	}
	return nil
}

// holder is the account with a user name, which the app keeps unique without regard to case.
func (a *application) holder(userName string) *account {
	for _, acc := range a.accounts {
		if strings.EqualFold(acc.UserName, userName) {
			return acc
		}
	}
	return nil
}

func (a *application) add(externalID string, attributes provision.Attributes, owner string) *account {
	a.made++
	acc := &account{owner: owner, Account: provision.Account{ID: fmt.Sprintf("acc%04d", a.made), ExternalID: externalID,
		Active: true, Attributes: maps.Clone(attributes)}}
	acc.UserName, _ = attributes["userName"].(string)
	a.accounts = append(a.accounts, acc)
	return acc
}

func (a *application) remove(acc *account) {
	a.removed = append(a.removed, acc)
	a.accounts = slices.DeleteFunc(a.accounts, func(other *account) bool { return other == acc })
}

// shown is the account as the app's port gives it.
func (acc *account) shown() provision.Account {
	out := acc.Account
	out.Attributes = maps.Clone(acc.Attributes)
	return out
}

// apps gives an instance its clients, each bound to one token (shared/connect does it over HTTP).
type apps struct{ *instance }

const appURL = "https://app.example.com/scim"

func (a apps) Accounts(ctx context.Context, c provision.Configuration) (app.Accounts, error) {
	return a.client(ctx, c)
}

func (a apps) client(ctx context.Context, c provision.Configuration) (client, error) {
	token, err := vault(a).Version(ctx, secrets.AppToken, c.Authorization.SecretVersion)
	if !fault.Is(err, fault.NotFound) {
		return client{a.instance, token.Reveal()}, err
	}
	switch _, _, err := vault(a).Latest(ctx, secrets.AppToken); {
	case fault.Is(err, fault.NotFound):
		return client{}, fault.New(fault.Unauthorized, "connect: app", "the configured access token is not in the secret store")
	case err != nil:
		return client{}, err
	}
	return client{}, &fault.Error{Kind: fault.Unready, Op: "connect: app", Detail: "it is not the one last stored", RetryAfter: time.Second}
}

func (a apps) Verify(ctx context.Context, _ provision.Connection, token secrets.Value) error {
	return client{a.instance, token.Reveal()}.Verify(ctx)
}

func (a apps) Prober(ctx context.Context, c provision.Configuration) (app.Prober, error) {
	return a.client(ctx, c)
}

// client is the app as one instance reaches it with one token.
type client struct {
	*instance
	token string
}

var (
	errNoAnswer = fault.New(fault.Unavailable, "app: call", "no answer")
	errBroken   = fault.New(fault.Unavailable, "app: call", "500")
)

// fails draws what goes wrong before the app has done anything.
func (c client) fails() error {
	w := c.world
	switch {
	case !w.app.tokens[c.token]:
		return fault.New(fault.Unauthorized, "app: call", "401")
	case time.Now().Before(w.app.downUntil), w.chance(w.faults.app):
		return fault.New(fault.Unavailable, "app: call", "503")
	case w.chance(w.faults.throttle):
		return &fault.Error{Kind: fault.Throttled, Op: "app: call", Detail: "429", RetryAfter: time.Duration(1+w.rng.IntN(90)) * time.Second}
	}
	return nil
}

func get[T any](ctx context.Context, c client, key string, read func() (T, error)) (T, error) {
	return answer(ctx, &c.world.scheduler, "app: "+key, func(*worker) (out T, err error) {
		if err := c.fails(); err != nil {
			return out, err
		}
		return read()
	})
}

func (c client) Verify(ctx context.Context) error {
	_, err := get(ctx, c, "verify", func() (none, error) { return none{}, nil })
	return err
}

// Probe reads a little; what a real one finds out is for the client's own tests.
func (c client) Probe(ctx context.Context) (app.Report, error) {
	return app.Report{}, c.Verify(ctx)
}

func (c client) Get(ctx context.Context, ref app.Ref) (provision.Account, error) {
	id := ref.ID
	return get(ctx, c, "get "+id, func() (provision.Account, error) {
		acc := c.world.app.get(id)
		if acc == nil {
			return provision.Account{}, fault.New(fault.NotFound, "app: get", "404")
		}
		if acc.unreadable {
			return provision.Account{}, errBroken
		}
		return acc.shown(), nil
	})
}

func (c client) Find(ctx context.Context, externalID, userName string) ([]provision.Account, error) {
	return get(ctx, c, "find "+externalID+" "+userName, func() ([]provision.Account, error) {
		var found []provision.Account
		for _, acc := range c.world.app.accounts {
			if externalID != "" && acc.ExternalID == externalID || userName != "" && strings.EqualFold(acc.UserName, userName) {
				found = append(found, acc.shown())
			}
		}
		return found, nil
	})
}

// pageOfAccounts is small, so that a listing has several pages.
const pageOfAccounts = 20

func (c client) List(ctx context.Context, start int) (app.Page, error) {
	return get(ctx, c, fmt.Sprint("list ", start), func() (app.Page, error) {
		all := c.world.app.accounts
		page := app.Page{Total: len(all)}
		end := min(start-1+pageOfAccounts, len(all))
		for _, acc := range all[min(start-1, len(all)):end] {
			page.Accounts = append(page.Accounts, acc.shown())
		}
		if end < len(all) {
			page.Next = end + 1
		}
		return page, nil
	})
}

// do is one call that changes something. It may be slow, be refused, time out
// before or after its effect, or be answered with success and without effect.
func (c client) do(ctx context.Context, kind provision.OperationKind, id string, effect func(*worker) error) (err error) {
	w := c.world
	key := "app: " + string(kind) + " " + id
	var slow time.Duration
	var late bool
	run := func(worker *worker) error {
		switch acc := w.app.get(id); {
		case acc != nil && acc.unwritable:
			return errBroken
		case kind.Removes() && acc != nil && acc.refuses:
			return fault.New(fault.Invalid, "app: call", "the account has open roles")
		case (kind == provision.Suspend || kind == provision.Unsuspend || kind == provision.HardDelete) && w.chance(w.faults.ineffective):
			return nil
		case kind == provision.Update && w.chance(w.faults.ineffective/2):
			w.owed[worker.user+" "+provision.EventUpdate]++ // done, says the app
			if acc != nil && acc.owner == "" {
				acc.owner = worker.user // adopted, says the app
			}
			return nil
		case w.chance(w.faults.refuse):
			return fault.New(fault.Invalid, "app: call", "refused by rule")
		case w.chance(w.faults.forbid):
			return fault.New(fault.Forbidden, "app: call", "403")
		case w.chance(w.faults.timeout):
			return errNoAnswer
		}
		_, err := fated(w.fate(worker, key, 0), errNoAnswer, func() (none, error) { return none{}, effect(worker) })
		if err == nil && w.chance(w.faults.timeout) {
			return errNoAnswer
		}
		return err
	}
	gone := w.park(ctx, key, time.Time{}, func(worker *worker) {
		w.started(worker, kind, id)
		if err = c.fails(); err != nil {
			return
		}
		if w.chance(w.faults.slow) {
			slow, late = time.Duration(1+w.rng.IntN(240))*time.Second, w.chance(0.5)
		}
		if slow == 0 || !late {
			err = run(worker)
		}
	})
	if gone == nil && slow > 0 {
		gone = w.park(ctx, key+slowly, time.Now().Add(slow), func(worker *worker) {
			if late {
				err = run(worker)
			}
		})
	}
	if gone != nil {
		return gone
	}
	if fault.Is(err, fault.Invalid) {
		w.refuse(ctx, kind)
	}
	return err
}

func (c client) Create(ctx context.Context, externalID string, attributes provision.Attributes) (out provision.Account, err error) {
	err = c.do(ctx, provision.Create, externalID, func(worker *worker) error {
		name, _ := attributes["userName"].(string)
		if c.world.app.holder(name) != nil {
			return fault.New(fault.Conflict, "app: create", "409")
		}
		acc := c.world.app.add(externalID, attributes, externalID)
		if out = acc.shown(); c.world.chance(c.world.faults.ineffective / 2) {
			c.world.app.remove(acc) // made, says the app
			c.world.owed[worker.user+" "+provision.EventCreate]++
			c.world.owed[worker.user+" "+provision.EventHardDelete]++ // done where it is due before anybody looks (R19)
			c.world.lost[externalID] = time.Now()
			return nil
		}
		c.world.happened(worker, provision.Create, acc, true)
		return nil
	})
	return out, err
}

func (c client) Update(ctx context.Context, id, externalID string, attributes, previous provision.Attributes) (out provision.Account, err error) {
	effect := false
	err = c.do(ctx, provision.Update, id, func(worker *worker) error {
		effect = true
		acc := c.world.app.get(id)
		if acc == nil {
			return fault.New(fault.NotFound, "app: update", "404")
		}
		name, _ := attributes["userName"].(string)
		if holder := c.world.app.holder(name); holder != nil && holder != acc {
			return fault.New(fault.Conflict, "app: update", "409")
		}
		before := acc.shown()
		for path := range previous {
			delete(acc.Attributes, path)
		}
		maps.Copy(acc.Attributes, attributes)
		acc.ExternalID, acc.UserName = externalID, name
		if acc.owner == "" {
			acc.owner = externalID // adopted
		}
		c.world.happened(worker, provision.Update, acc, !before.Attributes.Equal(acc.Attributes) || before.ExternalID != externalID)
		if out = acc.shown(); c.world.chance(0.2) {
			out.Attributes = nil // the app does not say
		}
		return nil
	})
	said := fault.Is(err, fault.Invalid, fault.Forbidden) // and is not done
	if acc := c.world.app.get(id); err != nil && !said && !effect && acc.has(externalID, attributes, previous) {
		c.world.owed[externalID+" "+provision.EventUpdate]++ // may be taken for ours after the lost answer
		if acc.owner == "" {
			acc.owner = externalID // and be adopted
		}
	}
	return out, err
}

// has reports whether an update would change nothing.
func (acc *account) has(externalID string, attributes, previous provision.Attributes) bool {
	if acc == nil || acc.ExternalID != externalID {
		return false
	}
	for path := range previous {
		_, kept := attributes[path]
		if _, has := acc.Attributes[path]; has && !kept {
			return false
		}
	}
	for path, value := range attributes {
		if acc.Attributes[path] != value {
			return false
		}
	}
	return true
}

func (c client) SetActive(ctx context.Context, ref app.Ref, active bool) error {
	id := ref.ID
	kind := provision.Suspend
	if active {
		kind = provision.Unsuspend
	}
	return c.do(ctx, kind, id, func(worker *worker) error {
		acc := c.world.app.get(id)
		if acc == nil {
			return fault.New(fault.NotFound, "app: set active", "404")
		}
		changed := acc.Active != active
		if acc.Active = active; !active && changed {
			acc.suspendedAt = time.Now()
		}
		c.world.happened(worker, kind, acc, changed)
		return nil
	})
}

func (c client) Delete(ctx context.Context, ref app.Ref) error {
	id := ref.ID
	return c.do(ctx, provision.HardDelete, id, func(worker *worker) error {
		acc := c.world.app.get(id)
		if acc == nil { // done all the same (R19)
			c.world.owed[worker.user+" "+provision.EventHardDelete]++
			return nil
		}
		c.world.app.remove(acc)
		c.world.happened(worker, provision.HardDelete, acc, true)
		return nil
	})
}
