package workspace

import (
	"context"
	"encoding/json"
	"strconv"
	"strings"
	"time"

	"google.golang.org/api/googleapi"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// usersPage is the largest page that users.list allows.
const usersPage = 500

// userFields are what is asked for of a user.
var userFields = strings.Join(provision.ResourceAttributes(), ",")

// User implements directory.Users.
func (c *Client) User(ctx context.Context, id string) (provision.User, error) {
	const op = "workspace: get user"
	if id == "" || strings.Contains(id, "@") {
		return provision.User{}, fault.New(fault.Invalid, op, "a user is read by the directory's id, not by an address")
	}
	user, err := c.user(ctx, op, id)
	if err == nil && user.ID != id {
		return provision.User{}, incomplete(op, "the answer is about another user")
	}
	return user, err
}

// UserByEmail implements directory.Users.
func (c *Client) UserByEmail(ctx context.Context, email string) (provision.User, error) {
	const op = "workspace: get user by address"
	if !strings.Contains(email, "@") {
		return provision.User{}, fault.New(fault.Invalid, op, "an address has an @")
	}
	user, err := c.user(ctx, op, email)
	if err == nil && !strings.EqualFold(user.Email, email) {
		// users.get takes an alias for the user that has it.
		return provision.User{}, fault.New(fault.NotFound, op, "no user has this primary address; it is an alias")
	}
	return user, err
}

func (c *Client) user(ctx context.Context, op, key string) (provision.User, error) {
	body, err := c.read(ctx, op, func(ctx context.Context) error {
		_, err := c.api.Users.Get(key).Projection("full").Fields(googleapi.Field(userFields)).Context(ctx).Do()
		return err
	})
	if err != nil {
		return provision.User{}, err
	}
	user := decodeUser(body)
	if user.Lifecycle == provision.Unknown {
		return provision.User{}, incomplete(op, "the user lacks one of id, primaryEmail, suspended, archived and orgUnitPath")
	}
	return user, nil
}

// ListUsers implements directory.Users. A user in the page who lacks what
// decides is returned with Lifecycle Unknown; one without an id is left out.
func (c *Client) ListUsers(ctx context.Context, pageToken string) (directory.UserPage, error) {
	const op = "workspace: list users"
	page, err := c.listUsers(ctx, op, "false", pageToken)
	if err != nil {
		return directory.UserPage{}, err
	}
	if page.Users == nil {
		return directory.UserPage{}, incomplete(op, "the page has no users key")
	}
	return page.decode(decodeUser), nil
}

// ListDeleted implements directory.Users. Whoever is in this listing is
// Deleted, with or without a deletion time: Google's own example of it shows
// nothing but id and primaryEmail
// (https://developers.google.com/workspace/admin/directory/v1/guides/manage-users).
func (c *Client) ListDeleted(ctx context.Context, pageToken string) (directory.UserPage, error) {
	const op = "workspace: list deleted users"
	page, err := c.listUsers(ctx, op, "true", pageToken)
	if err != nil {
		return directory.UserPage{}, err
	}
	return page.decode(decodeDeleted), nil
}

func (c *Client) listUsers(ctx context.Context, op, deleted, pageToken string) (usersAnswer, error) {
	body, err := c.readPage(ctx, op, func(ctx context.Context) error {
		call := c.api.Users.List().Customer(customer).ShowDeleted(deleted).MaxResults(usersPage).
			OrderBy("email").Projection("full").
			Fields("nextPageToken", googleapi.Field("users("+userFields+")"))
		if pageToken != "" {
			call.PageToken(pageToken)
		}
		_, err := call.Context(ctx).Do()
		return err
	})
	if err != nil {
		return usersAnswer{}, err
	}
	var page usersAnswer
	if err := decode(op, body, &page); err != nil {
		return usersAnswer{}, err
	}
	if page.Next != "" && page.Next == pageToken {
		return usersAnswer{}, incomplete(op, "the page names itself as the next one")
	}
	return page, nil
}

type usersAnswer struct {
	Users []json.RawMessage `json:"users"`
	Next  string            `json:"nextPageToken"`
}

func (a usersAnswer) decode(one func(json.RawMessage) provision.User) directory.UserPage {
	page := directory.UserPage{Next: a.Next, Users: make([]provision.User, 0, len(a.Users))}
	for _, raw := range a.Users {
		if user := one(raw); user.ID != "" {
			page.Users = append(page.Users, user)
		}
	}
	return page
}

// userKeys are the keys that decide; pointers tell absent and null from empty.
type userKeys struct {
	ID             *string `json:"id"`
	PrimaryEmail   *string `json:"primaryEmail"`
	Suspended      *bool   `json:"suspended"`
	SuspensionTime moment  `json:"suspensionTime"`
	Archived       *bool   `json:"archived"`
	ArchivalTime   moment  `json:"archivalTime"`
	DeletionTime   moment  `json:"deletionTime"`
	OrgUnitPath    *string `json:"orgUnitPath"`
	CustomerID     string  `json:"customerId"`
	IsGuestUser    bool    `json:"isGuestUser"`
}

// decodeUser reads a user; Lifecycle is Unknown when the directory did not say
// enough, or said it in a form that could be misread.
func decodeUser(raw json.RawMessage) provision.User {
	var keys userKeys
	// Unmarshal goes on after a key of the wrong type, so an odd user keeps the id.
	err := json.Unmarshal(raw, &keys)
	user := keys.user(raw)
	switch {
	case err != nil || user.ID == "" || user.Email == "" || keys.DeletionTime.unreadable:
		user.Lifecycle = provision.Unknown
	case !keys.DeletionTime.at.IsZero():
		user.Lifecycle, user.Since = provision.Deleted, keys.DeletionTime.at
	case keys.Suspended == nil || keys.Archived == nil || user.OrgUnitPath == "":
		user.Lifecycle = provision.Unknown
	case *keys.Archived:
		user.Lifecycle, user.Since = provision.Archived, keys.ArchivalTime.at
	case *keys.Suspended:
		user.Lifecycle, user.Since = provision.Suspended, keys.SuspensionTime.at
	default:
		user.Lifecycle = provision.Active
	}
	return user
}

// decodeDeleted reads an entry of the listing of deleted users.
func decodeDeleted(raw json.RawMessage) provision.User {
	var keys userKeys
	_ = json.Unmarshal(raw, &keys) // the id is all that an entry must have
	user := keys.user(raw)
	user.Lifecycle, user.Since = provision.Deleted, keys.DeletionTime.at
	return user
}

func (k userKeys) user(raw json.RawMessage) provision.User {
	return provision.User{
		ID:          value(k.ID),
		Email:       value(k.PrimaryEmail),
		OrgUnitPath: unitPath(value(k.OrgUnitPath)),
		CustomerID:  k.CustomerID,
		Guest:       k.IsGuestUser,
		Resource:    raw,
	}
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// moment is a time as RFC 3339 or as milliseconds since 1970, in a string or
// as a number: Google's schema has the first, its guide shows both. 1970
// itself is how Google writes "never".
type moment struct {
	at         time.Time
	unreadable bool
}

// UnmarshalJSON never fails, since most of these times decide nothing.
func (m *moment) UnmarshalJSON(data []byte) error {
	text := strings.Trim(string(data), `"`)
	if text == "" || text == "null" {
		return nil
	}
	at, err := time.Parse(time.RFC3339, text)
	if ms, notInt := strconv.ParseInt(text, 10, 64); notInt == nil {
		at, err = time.UnixMilli(ms), nil
	}
	if err != nil {
		m.unreadable = true
	} else if at.UnixMilli() != 0 {
		m.at = at.UTC()
	}
	return nil
}
