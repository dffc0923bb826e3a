// Package directory owns the port to Google Workspace's users, groups, org
// units and domains.
//
// It promises that what its methods return is what the directory said: an
// answer that lacks what it must hold is fault.Incomplete, never an empty
// result (R13). It never writes to the directory.
package directory

import (
	"cmp"
	"context"
	"encoding/json"
	"strings"
	"time"

	"example.com/autoprovision/shared/provision"
)

// Domain is one domain of the customer.
type Domain struct {
	Name    string
	Primary bool
}

// OrgUnit is one org unit; the root is among them, with path "/".
type OrgUnit struct {
	ID       string
	Path     string
	Name     string
	ParentID string
}

// Group is a group as the directory has it.
type Group struct {
	ID    string
	Email string
	Name  string
	// DirectMembers is the directory's own count; -1 when it gave none.
	DirectMembers int64
}

// Attribute is a directory attribute that the mapping can read.
type Attribute struct {
	// Path is what a mapping writes, such as name.givenName, organizations.0.title or customSchemas.Employment.level.
	Path string
	// Label is its name in words.
	Label string
	// Custom is true for fields of the company's own schemas.
	Custom bool
}

// UserPage is one page of a listing of users.
type UserPage struct {
	Users []provision.User
	// Next is the token of the next page; empty on the last.
	Next string
}

// MemberPage is one page of a group's members, nested ones included.
type MemberPage struct {
	// UserIDs are the members that are users.
	UserIDs []string
	// Groups are groups among the members, those of other companies perhaps
	// without an address. Whoever needs all members lists them too: a directory
	// may list nested members beside their group, or not.
	Groups []provision.GroupRef
	// Everyone is true when the customer as a whole is a member.
	Everyone bool
	Next     string
}

// HiddenGroup is the error for a group that is nested in another and that the
// directory does not let us read: whoever is not among the members that were
// read may be one all the same (R13).
type HiddenGroup struct {
	provision.GroupRef
	Err error
}

func (e *HiddenGroup) Error() string {
	return "the group " + cmp.Or(e.Email, e.ID) + " within it may not be read with the directory's credentials"
}

func (e *HiddenGroup) Unwrap() error { return e.Err }

// Users reads people. Errors are fault.NotFound (the directory has no such id
// among its present users), Incomplete, Throttled, Unavailable, Unauthorized
// or Forbidden. Adapters retry what is worth it (403 can be throttling) for a
// few seconds and then hand the error back.
type Users interface {
	// User reads one user by immutable id. The address of a user is refused
	// with fault.Invalid, since an address or alias could be somebody else's.
	// A user with a deletion mark is returned with Lifecycle Deleted.
	User(ctx context.Context, id string) (provision.User, error)
	// UserByEmail reads one user by primary address; an alias is fault.NotFound.
	UserByEmail(ctx context.Context, email string) (provision.User, error)
	// ListUsers reads one page of all present users of the customer, of up to
	// 500, without a query, ordered by address. pageToken is empty for the
	// first. A page without the users key is fault.Incomplete.
	ListUsers(ctx context.Context, pageToken string) (UserPage, error)
	// ListDeleted reads one page of the users deleted in the last 20 days.
	// None deleted is an empty page.
	ListDeleted(ctx context.Context, pageToken string) (UserPage, error)
}

// Organization reads what decides scope.
type Organization interface {
	// Domains reads all domains; a list without exactly one primary is fault.Incomplete.
	Domains(ctx context.Context) ([]Domain, error)
	// OrgUnits reads the whole tree, root included.
	OrgUnits(ctx context.Context) ([]OrgUnit, error)
	// Group reads one group by id or address; fault.NotFound when there is none.
	Group(ctx context.Context, key string) (Group, error)
	// ListMembers reads one page of a group's members, direct and nested. A
	// missing list is an empty page only when the group's own count of direct
	// members is 0, else fault.Incomplete (R13); the adapter looks that up itself.
	ListMembers(ctx context.Context, groupID, pageToken string) (MemberPage, error)
	// HasMember reports whether a user is a direct or nested member of a group.
	// Whatever it does not ask the directory now was read at most maxAge ago. It
	// is a *HiddenGroup where that keeps a no from being known.
	HasMember(ctx context.Context, groupID, userID string, maxAge time.Duration) (bool, error)
}

// Picker reads what the wizard offers.
type Picker interface {
	// SearchGroups finds groups whose name or address begins with query; at most 50.
	SearchGroups(ctx context.Context, query string) ([]Group, error)
	// SearchUsers finds present users by their address or name: those of whom
	// each word of query begins the address, or a word of the name; at most 50.
	// The directory's search may be a day and more behind, so that nothing may be
	// decided by it (R13).
	SearchUsers(ctx context.Context, query string) ([]provision.User, error)
	// Attributes lists what the mapping can read, custom fields included.
	Attributes(ctx context.Context) ([]Attribute, error)
}

// NameOf is what a user is called, as far as the directory sent it; empty when it did not.
func NameOf(u provision.User) string {
	var resource struct {
		Name struct {
			Full   string `json:"fullName"`
			Given  string `json:"givenName"`
			Family string `json:"familyName"`
		} `json:"name"`
	}
	if json.Unmarshal(u.Resource, &resource) != nil {
		return "" // a name of another form is no name to show
	}
	return cmp.Or(resource.Name.Full, strings.TrimSpace(resource.Name.Given+" "+resource.Name.Family))
}

// Channel is an open push channel.
type Channel struct {
	// ID is ours, at most 64 characters, new for every channel.
	ID string `json:"id"`
	// ResourceID is the directory's; both are needed to stop it.
	ResourceID string `json:"resourceId"`
	// Expiration is the directory's own, in real time; zero when it gave none.
	Expiration time.Time `json:"expiration,omitzero"`
}

// UserEvents are the kinds of change that a channel can be narrowed to; together they are all of them.
func UserEvents() []string { return []string{"add", "delete", "makeAdmin", "undelete", "update"} }

// Watcher opens and stops push channels for every user of the customer.
type Watcher interface {
	// Watch opens a channel for one of UserEvents, or for all when event is
	// empty, that delivers to address with the token. fault.Invalid when the
	// directory refuses the request as it is. The returned expiration counts,
	// whatever was asked for.
	Watch(ctx context.Context, id, event, address, token string) (Channel, error)
	// Stop closes a channel; one that is gone already is no error.
	Stop(ctx context.Context, ch Channel) error
}

// Administrators says who decides for the customer.
type Administrators interface {
	// SuperAdministrator returns the id of the customer of which the user with an
	// immutable id is a super administrator who can sign in, by a reading made now;
	// empty for anybody else. An id that the directory does not have is nobody's.
	// Errors as for Users.
	SuperAdministrator(ctx context.Context, id string) (customerID string, err error)
}
