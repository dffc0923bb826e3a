package reconciletest

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// App is an app in memory.
type App struct {
	w  *World
	mu sync.Mutex

	accounts map[string]provision.Account
	made     int
	token    string
	writes   []string
	reads    map[string]int
	// Meet is called with the name and the account's external id before each
	// call, outside all locks; what it returns is the call's error.
	Meet func(name, externalID string) error
	// Deaf is true when the app says yes to everything and does nothing.
	Deaf bool
	// Shout is true when the app keeps titles in capitals.
	Shout bool
	// Sealed is true while no operation may begin.
	Sealed bool
	// Expected are losses of access that a test means to happen all the same.
	Expected bool
}

func newApp(w *World) *App {
	return &App{w: w, accounts: map[string]provision.Account{}, token: "1", reads: map[string]int{}}
}

func (a *App) locked(do func()) {
	a.mu.Lock()
	defer a.mu.Unlock()
	do()
}

// Revoke makes the app refuse every token but this one.
func (a *App) Revoke(good string) { a.locked(func() { a.token = good }) }

// Add puts an account there by hand.
func (a *App) Add(account provision.Account) string {
	a.locked(func() {
		a.made++
		account.ID = fmt.Sprintf("a%04d", a.made)
		if account.Attributes == nil {
			account.Attributes = provision.Attributes{"userName": account.UserName}
		}
		a.accounts[account.ID] = account
	})
	return account.ID
}

// Change changes an account by hand; the zero account removes it.
func (a *App) Change(id string, change func(*provision.Account)) {
	a.locked(func() {
		account := a.accounts[id]
		account.Attributes = maps.Clone(account.Attributes)
		change(&account)
		if account.ID == "" {
			delete(a.accounts, id)
			return
		}
		a.accounts[id] = account
	})
}

// Of are the accounts that carry a user's id.
func (a *App) Of(userID string) (found []provision.Account) {
	a.locked(func() {
		for _, account := range a.accounts {
			if account.ExternalID == userID {
				found = append(found, account)
			}
		}
	})
	return found
}

// All are the accounts, by id.
func (a *App) All() (all []provision.Account) {
	a.locked(func() { all = a.sorted() })
	return all
}

func (a *App) sorted() []provision.Account {
	return slices.SortedFunc(maps.Values(a.accounts), func(x, y provision.Account) int { return cmp.Compare(x.ID, y.ID) })
}

// Writes are the operations that had an effect, each as "operation external id".
func (a *App) Writes() (list []string) {
	a.locked(func() { list = slices.Clone(a.writes) })
	return list
}

// Reads is how many calls of a name there were.
func (a *App) Reads(name string) (n int) {
	a.locked(func() { n = a.reads[name] })
	return n
}

// Forget empties Writes and Reads.
func (a *App) Forget() { a.locked(func() { a.writes, a.reads = nil, map[string]int{} }) }

func (a *App) wrote(name string, account provision.Account) {
	if a.Sealed {
		a.w.T.Errorf("%s of %s began after the edit had settled", name, account.ExternalID)
	}
	a.writes = append(a.writes, name+" "+account.ExternalID)
}

// accuse fails the test when somebody loses access who should have it.
func (a *App) accuse(what string, account provision.Account, wanted bool) {
	if wanted && !a.Expected {
		a.w.T.Errorf("%s of %s, who is active and in scope", what, account.ExternalID)
	}
}

// apps is the port reconcile.Apps of one process.
type apps struct {
	a *App
	p *Process
}

func (s *apps) Accounts(_ context.Context, c provision.Configuration) (app.Accounts, error) {
	return &accounts{s.a, s.p, c}, nil
}

// accounts is the port app.Accounts of one process, with one token.
type accounts struct {
	a *App
	p *Process
	c provision.Configuration
}

// ask makes one call on the app.
func ask[T any](s *accounts, name, externalID string, do func() (T, error)) (T, error) {
	return call(s.p, "app "+name, func() (result T, err error) {
		if meet := s.a.Meet; meet != nil {
			if err := meet(name, externalID); err != nil {
				return result, err
			}
		}
		s.a.locked(func() {
			s.a.reads[name]++
			if s.a.token != s.c.Authorization.SecretVersion {
				err = fault.New(fault.Unauthorized, "app: "+name, "the token is refused")
				return
			}
			result, err = do()
		})
		return result, err
	})
}

func (s *accounts) external(id string) (externalID string) {
	s.a.locked(func() { externalID = s.a.accounts[id].ExternalID })
	return externalID
}

func (s *accounts) account(id string) (provision.Account, error) {
	account, ok := s.a.accounts[id]
	if !ok {
		return account, fault.New(fault.NotFound, "app: account", "no such account")
	}
	account.Attributes = maps.Clone(account.Attributes)
	return account, nil
}

func (s *accounts) Verify(context.Context) error {
	_, err := ask(s, "verify", "", func() (struct{}, error) { return struct{}{}, nil })
	return err
}

func (s *accounts) Get(_ context.Context, ref app.Ref) (provision.Account, error) {
	return ask(s, "get", s.external(ref.ID), func() (provision.Account, error) { return s.account(ref.ID) })
}

func (s *accounts) Find(_ context.Context, externalID, userName string) ([]provision.Account, error) {
	return ask(s, "find", externalID, func() (found []provision.Account, _ error) {
		for _, account := range s.a.sorted() {
			if account.ExternalID == externalID || strings.EqualFold(account.UserName, userName) {
				found = append(found, account)
			}
		}
		return found, nil
	})
}

func (s *accounts) List(_ context.Context, start int) (app.Page, error) {
	return ask(s, "list", "", func() (app.Page, error) {
		const size = 200
		all := s.a.sorted()
		page := app.Page{Total: len(all)}
		if end := start - 1 + size; end < len(all) {
			page.Accounts, page.Next = all[start-1:end], end+1
		} else {
			page.Accounts = all[start-1:]
		}
		return page, nil
	})
}

// keep is the app's own form of what was sent.
func (a *App) keep(attributes provision.Attributes) provision.Attributes {
	kept := maps.Clone(attributes)
	if title, ok := kept["title"].(string); ok && a.Shout {
		kept["title"] = strings.ToUpper(title)
	}
	return kept
}

func (a *App) taken(id string, attributes provision.Attributes) bool {
	name, _ := attributes["userName"].(string)
	for _, other := range a.accounts {
		if other.ID != id && strings.EqualFold(other.UserName, name) {
			return true
		}
	}
	return false
}

var errTaken = fault.New(fault.Conflict, "app: write", "the user name is taken")

func (s *accounts) Create(_ context.Context, externalID string, attributes provision.Attributes) (provision.Account, error) {
	return ask(s, "create", externalID, func() (account provision.Account, _ error) {
		for _, other := range s.a.accounts {
			if other.ExternalID == externalID {
				s.a.w.T.Errorf("a second account for %s", externalID)
			}
		}
		if s.a.taken("", attributes) {
			return account, errTaken
		}
		s.a.made++
		name, _ := attributes["userName"].(string)
		account = provision.Account{ID: fmt.Sprintf("a%04d", s.a.made), UserName: name, ExternalID: externalID, Active: true, Attributes: s.a.keep(attributes)}
		s.a.accounts[account.ID] = account
		s.a.wrote("create", account)
		return s.account(account.ID)
	})
}

func (s *accounts) Update(_ context.Context, id, externalID string, attributes, previous provision.Attributes) (provision.Account, error) {
	return ask(s, "update", externalID, func() (provision.Account, error) {
		account, err := s.account(id)
		if err != nil {
			return account, err
		}
		if s.a.taken(id, attributes) {
			return account, errTaken
		}
		for path := range previous {
			delete(account.Attributes, path)
		}
		for path, value := range s.a.keep(attributes) {
			account.Attributes[path] = value
		}
		account.ExternalID = externalID
		account.UserName, _ = attributes["userName"].(string)
		if !s.a.Deaf {
			s.a.accounts[id] = account
		}
		s.a.wrote("update", account)
		return account, nil
	})
}

func (s *accounts) SetActive(_ context.Context, ref app.Ref, active bool) error {
	id := ref.ID
	name := map[bool]string{true: "unsuspend", false: "suspend"}[active]
	externalID := s.external(id)
	wanted := s.a.w.Directory.wants(externalID, s.c.Scope)
	_, err := ask(s, name, externalID, func() (struct{}, error) {
		account, err := s.account(id)
		if err != nil {
			return struct{}{}, err
		}
		if s.a.wrote(name, account); s.a.Deaf {
			return struct{}{}, nil
		}
		s.a.accuse(name, account, wanted && !active)
		account.Active = active
		s.a.accounts[id] = account
		return struct{}{}, nil
	})
	return err
}

func (s *accounts) Delete(_ context.Context, ref app.Ref) error {
	id := ref.ID
	externalID := s.external(id)
	wanted := s.a.w.Directory.wants(externalID, s.c.Scope)
	_, err := ask(s, "delete", externalID, func() (struct{}, error) {
		account, err := s.account(id)
		if err != nil {
			return struct{}{}, nil // one that is gone already is no error
		}
		if s.a.wrote("delete", account); s.a.Deaf {
			return struct{}{}, nil
		}
		s.a.accuse("delete", account, wanted)
		delete(s.a.accounts, id)
		return struct{}{}, nil
	})
	return err
}
