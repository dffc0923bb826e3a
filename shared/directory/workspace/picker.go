package workspace

import (
	"cmp"
	"context"
	"maps"
	"slices"
	"strings"

	"google.golang.org/api/googleapi"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/provision"
)

const (
	// maxFound is how many groups or users a search returns.
	maxFound = 50
	// searchPage is how many users one search is asked for: more than are shown,
	// since those of another way to mean the words come first.
	searchPage = 100
	// groupsPage is the largest page that groups.list allows.
	groupsPage = 200
)

// SearchGroups implements directory.Picker. The directory searches by one
// field at a time (https://developers.google.com/workspace/admin/directory/v1/guides/search-groups),
// so it is asked twice; each hit is checked here, in case it ignores the query.
func (c *Client) SearchGroups(ctx context.Context, query string) ([]directory.Group, error) {
	query = strings.TrimSpace(query)
	searches := []string{"email:" + query + "*", "name:" + query + "*"}
	if query == "" || strings.ContainsAny(query, " \t'\"\\*:=()") {
		// How quotes and a prefix go together is not documented: look at all groups instead.
		searches = []string{""}
	}
	found := map[string]directory.Group{}
	for _, search := range searches {
		if err := c.searchGroups(ctx, search, query, found); err != nil {
			return nil, err
		}
	}
	groups := slices.SortedFunc(maps.Values(found), func(a, b directory.Group) int { return strings.Compare(a.Email, b.Email) })
	return groups[:min(len(groups), maxFound)], nil
}

// searchGroups adds up to maxFound groups to found.
func (c *Client) searchGroups(ctx context.Context, search, query string, found map[string]directory.Group) error {
	const op = "workspace: search groups"
	token := ""
	for n := 0; n < maxFound; {
		body, err := c.read(ctx, op, func(ctx context.Context) error {
			call := c.api.Groups.List().Customer(customer).MaxResults(groupsPage).OrderBy("email").
				Fields("nextPageToken", googleapi.Field("groups("+groupFields+")"))
			if search != "" {
				call.Query(search)
			}
			if token != "" {
				call.PageToken(token)
			}
			_, err := call.Context(ctx).Do()
			return err
		})
		if err != nil {
			return err
		}
		var page struct {
			Groups []groupKeys `json:"groups"`
			Next   string      `json:"nextPageToken"`
		}
		if err := decode(op, body, &page); err != nil {
			return err
		}
		for _, g := range page.Groups {
			if g.ID != "" && (hasPrefixFold(g.Email, query) || hasPrefixFold(g.Name, query)) {
				found[g.ID] = g.group()
				n++
			}
		}
		if page.Next == "" || page.Next == token {
			return nil
		}
		token = page.Next
	}
	return nil
}

func hasPrefixFold(s, prefix string) bool {
	return len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix)
}

// SearchUsers implements directory.Picker. The directory searches for the
// beginning of an address or of a first or last name, one field in a clause, and
// all clauses must hold
// (https://developers.google.com/workspace/admin/directory/v1/guides/search-users),
// so it is asked once for each way in which the words may be meant; each hit is
// checked here, in case it ignores the query.
func (c *Client) SearchUsers(ctx context.Context, query string) ([]provision.User, error) {
	words := strings.Fields(strings.ToLower(query))
	if len(words) == 0 {
		return nil, nil
	}
	// How quotes and a prefix go together is not documented: what comes before
	// one of them is searched for, and the rest is checked.
	first, last := plain(words[0]), plain(words[len(words)-1])
	searches := []string{"email:" + first + "*", "givenName:" + first + "*", "familyName:" + first + "*"}
	if len(words) > 1 {
		searches = []string{"givenName:" + first + "* familyName:" + last + "*", "familyName:" + first + "* givenName:" + last + "*",
			"givenName:" + first + "*", "familyName:" + first + "*"}
		if last == "" {
			searches = searches[2:]
		}
	}
	found := map[string]provision.User{}
	for _, search := range searches {
		if first == "" || len(found) >= maxFound {
			break
		}
		if err := c.searchUsers(ctx, search, words, found); err != nil {
			return nil, err
		}
	}
	users := slices.SortedFunc(maps.Values(found), func(a, b provision.User) int { return strings.Compare(a.Email, b.Email) })
	return users[:min(len(users), maxFound)], nil
}

// plain is the beginning of a word up to what means something in a query.
func plain(word string) string {
	if at := strings.IndexAny(word, " \t'\"\\*:=()"); at >= 0 {
		return word[:at]
	}
	return word
}

// searchUsers adds the first page of what a search finds.
func (c *Client) searchUsers(ctx context.Context, search string, words []string, found map[string]provision.User) error {
	const op = "workspace: search users"
	body, err := c.read(ctx, op, func(ctx context.Context) error {
		_, err := c.api.Users.List().Customer(customer).MaxResults(searchPage).OrderBy("email").Projection("full").Query(search).
			Fields(googleapi.Field("users(" + userFields + ")")).Context(ctx).Do()
		return err
	})
	if err != nil {
		return err
	}
	var answer usersAnswer
	if err := decode(op, body, &answer); err != nil {
		return err
	}
	for _, u := range answer.decode(decodeUser).Users {
		if called(u, words) {
			found[u.ID] = u
		}
	}
	return nil
}

// called reports whether each word begins a user's address or a word of the name.
func called(u provision.User, words []string) bool {
	names := append(strings.Fields(directory.NameOf(u)), u.Email)
	for _, word := range words {
		if !slices.ContainsFunc(names, func(name string) bool { return hasPrefixFold(name, word) }) {
			return false
		}
	}
	return true
}

// Attributes implements directory.Picker: the attributes that Google defines
// and that are worth mapping, then those of the company's own schemas. Of a
// field with several values, the first is offered.
func (c *Client) Attributes(ctx context.Context) ([]directory.Attribute, error) {
	const op = "workspace: list schemas"
	body, err := c.read(ctx, op, func(ctx context.Context) error {
		_, err := c.api.Schemas.List(customer).
			Fields("schemas(schemaName,displayName,fields(fieldName,displayName,multiValued))").Context(ctx).Do()
		return err
	})
	if err != nil {
		return nil, err
	}
	var list struct {
		Schemas []schema `json:"schemas"`
	}
	if err := decode(op, body, &list); err != nil {
		return nil, err
	}
	attributes := standardAttributes()
	for _, s := range list.Schemas {
		attributes = append(attributes, s.attributes()...)
	}
	return attributes, nil
}

type schema struct {
	Name   string `json:"schemaName"`
	Label  string `json:"displayName"`
	Fields []struct {
		Name        string `json:"fieldName"`
		Label       string `json:"displayName"`
		MultiValued bool   `json:"multiValued"`
	} `json:"fields"`
}

func (s schema) attributes() []directory.Attribute {
	var out []directory.Attribute
	for _, f := range s.Fields {
		if s.Name == "" || f.Name == "" {
			continue
		}
		path := "customSchemas." + s.Name + "." + f.Name
		if f.MultiValued {
			path += ".0.value"
		}
		label := cmp.Or(s.Label, s.Name) + ": " + cmp.Or(f.Label, f.Name)
		out = append(out, directory.Attribute{Path: path, Label: label, Custom: true})
	}
	return out
}

func standardAttributes() []directory.Attribute {
	return []directory.Attribute{
		{Path: "primaryEmail", Label: "Primary email"},
		{Path: "id", Label: "Directory ID"},
		{Path: "name.givenName", Label: "First name"},
		{Path: "name.familyName", Label: "Last name"},
		{Path: "name.fullName", Label: "Full name"},
		{Path: "name.displayName", Label: "Display name"},
		{Path: "organizations.0.title", Label: "Job title"},
		{Path: "organizations.0.department", Label: "Department"},
		{Path: "organizations.0.costCenter", Label: "Cost center"},
		{Path: "organizations.0.name", Label: "Company"},
		{Path: "organizations.0.location", Label: "Work location"},
		{Path: "organizations.0.description", Label: "Type of employee"},
		{Path: "relations.0.value", Label: "Manager"},
		{Path: "externalIds.0.value", Label: "Employee ID"},
		{Path: "phones.0.value", Label: "Phone"},
		{Path: "addresses.0.formatted", Label: "Address"},
		{Path: "addresses.0.locality", Label: "City"},
		{Path: "addresses.0.region", Label: "Region"},
		{Path: "addresses.0.countryCode", Label: "Country code"},
		{Path: "locations.0.buildingId", Label: "Building"},
		{Path: "locations.0.floorName", Label: "Floor"},
		{Path: "languages.0.languageCode", Label: "Language"},
		{Path: "websites.0.value", Label: "Website"},
		{Path: "aliases.0", Label: "First alias"},
		{Path: "orgUnitPath", Label: "Org unit path"},
		{Path: "creationTime", Label: "Created"},
		{Path: "notes.value", Label: "Notes"},
	}
}
