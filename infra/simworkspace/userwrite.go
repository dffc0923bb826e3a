package simworkspace

import (
	"cmp"
	"encoding/json"
	"net/http"
	"slices"
	"strings"
)

// userChange is the body of users.insert, update and patch: what is absent
// stays, what is null is cleared.
type userChange struct {
	PrimaryEmail *string
	Name         *userName
	Suspended    *bool
	Archived     *bool
	OrgUnitPath  *string
	Emails       json.RawMessage
	Custom       json.RawMessage
	plain        map[string]json.RawMessage
}

// UnmarshalJSON keeps the attributes that are stored as they come.
func (c *userChange) UnmarshalJSON(data []byte) error {
	if err := json.Unmarshal(data, &c.plain); err != nil {
		return err
	}
	var keys struct {
		PrimaryEmail *string         `json:"primaryEmail"`
		Name         *userName       `json:"name"`
		Suspended    *bool           `json:"suspended"`
		Archived     *bool           `json:"archived"`
		OrgUnitPath  *string         `json:"orgUnitPath"`
		Emails       json.RawMessage `json:"emails"`
		Custom       json.RawMessage `json:"customSchemas"`
	}
	if err := json.Unmarshal(data, &keys); err != nil {
		return err
	}
	c.PrimaryEmail, c.Name, c.Suspended, c.Archived = keys.PrimaryEmail, keys.Name, keys.Suspended, keys.Archived
	c.OrgUnitPath, c.Emails, c.Custom = keys.OrgUnitPath, keys.Emails, keys.Custom
	return nil
}

func value(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// apply makes a change on u, which nobody else sees yet; after an error u is to be thrown away.
func (w *Workspace) apply(u *user, c userChange) error {
	if c.PrimaryEmail != nil {
		if err := w.rename(u, strings.ToLower(*c.PrimaryEmail)); err != nil {
			return err
		}
	}
	if n := c.Name; n != nil {
		u.name = userName{
			GivenName:   cmp.Or(n.GivenName, u.name.GivenName),
			FamilyName:  cmp.Or(n.FamilyName, u.name.FamilyName),
			DisplayName: cmp.Or(n.DisplayName, u.name.DisplayName),
		}
	}
	if c.Suspended != nil && *c.Suspended != u.suspended {
		u.suspended, u.suspendedAt = *c.Suspended, w.clock()
	}
	if c.Archived != nil && *c.Archived != u.archived {
		u.archived, u.archivedAt = *c.Archived, w.clock()
	}
	if err := w.place(u, value(c.OrgUnitPath)); err != nil {
		return err
	}
	if err := u.setEmails(c.Emails); err != nil {
		return err
	}
	for _, key := range plainAttributes() {
		raw, ok := c.plain[key]
		switch {
		case !ok:
		case isNull(raw):
			delete(u.attributes, key)
		default:
			if u.attributes == nil {
				u.attributes = map[string]json.RawMessage{}
			}
			u.attributes[key] = raw
		}
	}
	return w.setCustom(u, c.Custom)
}

// rename gives a user another primary address; the old one becomes an alias, as Google does it.
func (w *Workspace) rename(u *user, email string) error {
	if email == u.email {
		return nil
	}
	if err := w.checkAddress(email, u.id); err != nil {
		return err
	}
	u.aliases = slices.DeleteFunc(u.aliases, func(a string) bool { return a == email })
	if u.email != "" {
		u.aliases = append(u.aliases, u.email)
	}
	u.email = email
	return nil
}

// checkAddress refuses an address that is malformed, in use by anyone but owner, or in a foreign domain.
func (w *Workspace) checkAddress(email, owner string) error {
	local, domain, ok := strings.Cut(email, "@")
	if !ok || local == "" || strings.ContainsAny(email, " \t\r\n<>\"") {
		return invalid("primary_user_email")
	}
	if !w.hasDomain(domain) {
		return &apiError{http.StatusNotFound, "notFound", "Domain not found."}
	}
	if id, taken := w.addresses[email]; taken && id != owner {
		return duplicate("Entity already exists.")
	}
	return nil
}

// setEmails keeps the addresses that are neither the primary one nor an alias.
func (u *user) setEmails(raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	var list []json.RawMessage
	if json.Unmarshal(raw, &list) != nil {
		return invalid("emails")
	}
	u.emails = nil
	for _, item := range list {
		var email struct {
			Address string `json:"address"`
		}
		if json.Unmarshal(item, &email) != nil {
			return invalid("emails")
		}
		if address := strings.ToLower(email.Address); address != u.email && !slices.Contains(u.aliases, address) {
			u.emails = append(u.emails, item)
		}
	}
	return nil
}

// setCustom merges custom fields; a null clears a field or a whole schema.
func (w *Workspace) setCustom(u *user, raw json.RawMessage) error {
	if raw == nil {
		return nil
	}
	var change map[string]map[string]json.RawMessage
	if json.Unmarshal(raw, &change) != nil {
		return invalid("customSchemas")
	}
	for name, fields := range change {
		s := w.schemaByKey(name)
		if s == nil {
			return invalid("custom_schema")
		}
		if fields == nil {
			delete(u.customFields, name)
			continue
		}
		for key, raw := range fields {
			if !s.has(key) {
				return invalid("custom_field")
			}
			if isNull(raw) {
				delete(u.customFields[name], key)
				continue
			}
			if u.customFields == nil {
				u.customFields = map[string]map[string]json.RawMessage{}
			}
			if u.customFields[name] == nil {
				u.customFields[name] = map[string]json.RawMessage{}
			}
			u.customFields[name][key] = raw
		}
	}
	return nil
}

func isNull(raw json.RawMessage) bool { return string(raw) == "null" }
