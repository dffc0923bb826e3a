package api

import (
	"context"
	"net/http"
	"time"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/decide"
	"example.com/autoprovision/shared/provision"
)

// User is everything that explains why somebody has, or lacks, an account.
type User struct {
	ID         string      `json:"id"`
	Email      *string     `json:"email"`
	Directory  string      `json:"directory" enum:"active,suspended,deleted,archived,unknown"`
	InScope    bool        `json:"inScope"`
	Reasons    []string    `json:"reasons" nullable:"false" doc:"Why they are in scope or not"`
	Conditions []Condition `json:"conditions" nullable:"false"`
	Account    Account     `json:"account"`
	Next       *Next       `json:"next"`
	Events     []Event     `json:"events" nullable:"false" doc:"The last ones, newest first; none in lists"`
	// Desired and Applied are app attributes by their SCIM path.
	Desired      map[string]any `json:"desired" doc:"What the mapping makes of them now; empty in lists"`
	Applied      map[string]any `json:"applied" doc:"What was last written to the account"`
	MappingError *string        `json:"mappingError"`
}

// Condition is a reason to take access away that holds.
type Condition struct {
	Name      string     `json:"name" enum:"appOff,suspended,deleted,archived"`
	Since     time.Time  `json:"since"`
	SuspendAt *time.Time `json:"suspendAt"`
	DeleteAt  *time.Time `json:"deleteAt"`
}

// Account is what stands for the user in the app.
type Account struct {
	ID    *string `json:"id"`
	State string  `json:"state" enum:"active,suspended,none"`
}

// Next is the coming suspend or hard delete.
type Next struct {
	_         struct{}  `nullable:"true"`
	Operation string    `json:"operation" enum:"suspend,hardDelete"`
	At        time.Time `json:"at"`
	HeldBy    *string   `json:"heldBy" doc:"guard, off, reauthorization, sweep, app, failed, refused or conflict; null when only time keeps it"`
}

// Look is a user just looked at.
type Look struct {
	User
	Done    []string `json:"done" nullable:"false" doc:"The operations that this look did, in order"`
	Waiting *string  `json:"waiting" doc:"Why no more is done now"`
}

func viewUser(p admin.Person) User {
	state := p.Account.State
	if state == "" {
		state = provision.AccountNone
	}
	lifecycle := p.Directory
	if lifecycle == "" {
		lifecycle = provision.Unknown
	}
	return User{ID: p.ID, Email: text(p.Email), Directory: string(lifecycle), InScope: p.InScope, Reasons: orEmpty(p.Reasons),
		Conditions: list(p.Deadlines, viewCondition), Account: Account{ID: text(p.Account.ID), State: string(state)},
		Next: viewNext(p), Events: list(p.Events, viewEvent),
		Desired: attributes(p.Desired), Applied: attributes(p.Account.Applied), MappingError: text(p.MappingError)}
}

func viewCondition(d decide.Deadline) Condition {
	return Condition{Name: string(d.Condition.Name), Since: d.Condition.Since.UTC(), SuspendAt: when(d.Suspend), DeleteAt: when(d.Delete)}
}

func viewNext(p admin.Person) *Next {
	if p.Next == nil {
		return nil
	}
	return &Next{Operation: string(p.Next.Operation), At: p.Next.At.UTC(), HeldBy: text(p.HeldBy)}
}

func attributes(a provision.Attributes) map[string]any {
	if a == nil {
		return map[string]any{}
	}
	return a
}

// Whom is the user in the path.
type Whom struct {
	User string `path:"user" doc:"The directory id, or the present primary address; of a deleted person, also the last one"`
}

// lookInput is whom to look at, with a body that says no more.
type lookInput struct {
	Whom
	Body *Nothing
}

func (a *api) registerPeople() {
	get := a.operation(http.MethodGet, a.app("/users/{user}"), "explainUser", tagPeople, "Explain why somebody has, or lacks, an account", "The user")
	handle(a, get, func(ctx context.Context, in *Whom) (*answer[User], error) {
		p, err := a.service.Person(ctx, in.User)
		return &answer[User]{viewUser(p)}, err
	})
	look := a.operation(http.MethodPost, a.app("/users/{user}/reconcile"), "reconcileUser", tagPeople,
		"Look at a user now, and do what is due", "The user, what was done, and why no more")
	handle(a, look, func(ctx context.Context, in *lookInput) (*answer[Look], error) {
		p, res, err := a.service.Reconcile(ctx, in.User)
		done := list(res.Done, func(k provision.OperationKind) string { return string(k) })
		return &answer[Look]{Look{User: viewUser(p), Done: done, Waiting: text(res.Waiting)}}, err
	})
}
