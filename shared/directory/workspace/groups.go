package workspace

import (
	"context"
	"slices"
	"strconv"
	"strings"
	"time"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/recent"
)

const (
	// membersPage is the largest page that members.list allows.
	membersPage = 200
	groupFields = "id,email,name,directMembersCount"
)

// groupKeys are a group as the API sends it.
type groupKeys struct {
	ID            string `json:"id"`
	Email         string `json:"email"`
	Name          string `json:"name"`
	DirectMembers count  `json:"directMembersCount"`
}

func (k groupKeys) group() directory.Group {
	n := int64(-1)
	if k.DirectMembers.known {
		n = k.DirectMembers.n
	}
	return directory.Group{ID: k.ID, Email: k.Email, Name: k.Name, DirectMembers: n}
}

// count is a number that the API sends as a string (type string, format int64).
type count struct {
	n     int64
	known bool
}

// UnmarshalJSON takes a number too; what is neither stays unknown.
func (c *count) UnmarshalJSON(data []byte) error {
	n, err := strconv.ParseInt(strings.Trim(string(data), `"`), 10, 64)
	c.n, c.known = n, err == nil && n >= 0
	return nil
}

// Group implements directory.Organization.
func (c *Client) Group(ctx context.Context, key string) (directory.Group, error) {
	const op = "workspace: get group"
	if key == "" {
		return directory.Group{}, fault.New(fault.Invalid, op, "a group is read by id or address")
	}
	body, err := c.read(ctx, op, func(ctx context.Context) error {
		_, err := c.api.Groups.Get(key).Fields(groupFields).Context(ctx).Do()
		return err
	})
	if err != nil {
		return directory.Group{}, err
	}
	var keys groupKeys
	if err := decode(op, body, &keys); err != nil {
		return directory.Group{}, err
	}
	if keys.ID == "" || keys.Email == "" || !strings.Contains(key, "@") && keys.ID != key {
		return directory.Group{}, incomplete(op, "the answer lacks id or email, or is about another group")
	}
	return keys.group(), nil
}

// ListMembers implements directory.Organization. Its page tokens are the
// directory's with the number of members that came before: a page without the
// members key ends the list only if at least as many came before as the group
// has direct members, none for a first page (R13).
func (c *Client) ListMembers(ctx context.Context, groupID, pageToken string) (directory.MemberPage, error) {
	const op = "workspace: list members"
	before, token, err := splitToken(op, pageToken)
	if err != nil {
		return directory.MemberPage{}, err
	}
	body, err := c.readPage(ctx, op, func(ctx context.Context) error {
		call := c.api.Members.List(groupID).IncludeDerivedMembership(true).MaxResults(membersPage).
			Fields("nextPageToken,members(id,type,email)")
		if token != "" {
			call.PageToken(token)
		}
		_, err := call.Context(ctx).Do()
		return err
	})
	if err != nil {
		return directory.MemberPage{}, err
	}
	var list struct {
		Members []struct {
			ID    string `json:"id"`
			Type  string `json:"type"`
			Email string `json:"email"`
		} `json:"members"`
		Next string `json:"nextPageToken"`
	}
	if err := decode(op, body, &list); err != nil {
		return directory.MemberPage{}, err
	}
	if list.Next != "" && list.Next == token {
		return directory.MemberPage{}, incomplete(op, "the page names itself as the next one")
	}
	if list.Members == nil {
		return directory.MemberPage{}, c.checkEnd(ctx, op, groupID, before, list.Next)
	}
	var page directory.MemberPage
	for _, m := range list.Members {
		switch {
		case m.Type == "" || (m.Type == "USER" || m.Type == "GROUP") && m.ID == "":
			return directory.MemberPage{}, incomplete(op, "a member lacks its type or id")
		case m.Type == "USER":
			page.UserIDs = append(page.UserIDs, m.ID)
		case m.Type == "GROUP":
			page.Groups = append(page.Groups, provision.GroupRef{ID: m.ID, Email: m.Email})
		case m.Type == "CUSTOMER":
			page.Everyone = true
		}
	}
	if list.Next != "" {
		page.Next = strconv.Itoa(before+len(list.Members)) + ":" + list.Next
	}
	return page, nil
}

func splitToken(op, pageToken string) (before int, token string, _ error) {
	if pageToken == "" {
		return 0, "", nil
	}
	seen, token, ok := strings.Cut(pageToken, ":")
	before, err := strconv.Atoi(seen)
	if !ok || err != nil {
		return 0, "", fault.New(fault.Invalid, op, "the page token is not one of this listing")
	}
	return before, token, nil
}

// checkEnd reports whether a page without members is what it should be.
func (c *Client) checkEnd(ctx context.Context, op, groupID string, before int, next string) error {
	if next != "" {
		return incomplete(op, "a page before the last has no members key")
	}
	group, err := c.Group(ctx, groupID)
	if err != nil {
		return err
	}
	if group.DirectMembers < 0 || int64(before) < group.DirectMembers {
		return incomplete(op, "a page has no members key, but the group has %d direct members and %d were listed before (-1 is unknown)",
			group.DirectMembers, before)
	}
	return nil
}

// HasMember implements directory.Organization. The directory's own answer
// falls short in two ways. It is 400 for nested members of another domain than
// the group's, so the group is listed instead, as it is when the answer lacks
// its key. And whether it counts a group that the whole customer is a member of
// is not documented, so a no is believed only of a group whose listing holds no
// such member.
func (c *Client) HasMember(ctx context.Context, groupID, userID string, maxAge time.Duration) (bool, error) {
	const op = "workspace: has member"
	if groupID == "" || userID == "" {
		return false, fault.New(fault.Invalid, op, "group and user are given by id")
	}
	body, err := c.read(ctx, op, func(ctx context.Context) error {
		_, err := c.api.Members.HasMember(groupID, userID).Fields("isMember").Context(ctx).Do()
		return err
	})
	if err != nil && !fault.Is(err, fault.Invalid) {
		return false, err
	}
	var got struct {
		IsMember *bool `json:"isMember"`
	}
	if err == nil {
		if err := decode(op, body, &got); err != nil {
			return false, err
		}
	}
	if got.IsMember == nil {
		found, inside, err := c.list(ctx, groupID, userID)
		if err != nil {
			return false, err
		}
		return inside.answer(found)
	}
	if *got.IsMember {
		return true, nil
	}
	inside, err := c.recall(ctx, groupID, maxAge)
	if err != nil {
		return false, err
	}
	return inside.answer(false)
}

// contents is what a listing said of a group, apart from its single members.
type contents struct {
	// everyone is true when the customer as a whole is a member.
	everyone bool
	// hidden is a group within that may not be read; nil for none.
	hidden *directory.HiddenGroup
}

// answer is whether somebody is a member whom the directory, or the listing, names as one or does not.
func (in contents) answer(named bool) (bool, error) {
	if !named && !in.everyone && in.hidden != nil {
		return false, in.hidden
	}
	return named || in.everyone, nil
}

// recall gives what a listing said that began at most maxAge ago. Those who
// need a new one at the same time share it.
func (c *Client) recall(ctx context.Context, groupID string, maxAge time.Duration) (contents, error) {
	c.mu.Lock()
	group, known := c.contents[groupID]
	if !known {
		group = recent.New(c.now, func(ctx context.Context) (contents, error) {
			_, inside, err := c.list(ctx, groupID, "")
			return inside, err
		})
		c.contents[groupID] = group
	}
	c.mu.Unlock()
	return group.Since(ctx, c.now().Add(-maxAge))
}

// list looks for a user in the whole listing of a group, and at what else it says.
func (c *Client) list(ctx context.Context, groupID, userID string) (found bool, inside contents, err error) {
	groups := []provision.GroupRef{{ID: groupID}} // the group, and those nested in it
	for token, at := "", 0; at < len(groups); {
		page, err := c.ListMembers(ctx, groups[at].ID, token)
		nested := at > 0
		switch {
		case nested && fault.Is(err, fault.NotFound): // gone since it was listed: it lets nobody in
		case nested && fault.Is(err, fault.Forbidden):
			inside.hidden = &directory.HiddenGroup{GroupRef: groups[at], Err: err}
		case err != nil:
			return false, contents{}, err
		}
		inside.everyone = inside.everyone || page.Everyone
		found = found || slices.Contains(page.UserIDs, userID)
		for _, g := range page.Groups {
			if !slices.ContainsFunc(groups, func(known provision.GroupRef) bool { return known.ID == g.ID }) {
				groups = append(groups, g)
			}
		}
		if token = page.Next; token == "" {
			at++
		}
	}
	return found, inside, nil
}
