package scim

import (
	"cmp"
	"context"
	"net/http"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// Create posts an active account. When the app says that it is done without
// saying what it made, the account is looked up.
func (c *Client) Create(ctx context.Context, externalID string, attributes provision.Attributes) (provision.Account, error) {
	const op = "scim: create account"
	list, err := assignments(op, attributes)
	if err != nil {
		return provision.Account{}, err
	}
	r, err := c.do(ctx, request{op: op, method: http.MethodPost, path: "/Users", body: newResource(externalID, list), names: true})
	if err != nil {
		return provision.Account{}, notGone(op, err)
	}
	if text(lookup(r.object, "id")) != "" {
		return toAccount(op, r.object)
	}
	userName, _ := attributes["userName"].(string)
	found, err := c.Find(ctx, externalID, userName)
	switch {
	case err != nil:
		return provision.Account{}, fault.Wrap(fault.Unavailable, op+": look for what was made", err)
	case len(found) > 1:
		return provision.Account{}, fault.New(fault.Conflict, op, "the app named no account, and several fit")
	case len(found) == 0 || found[0].ExternalID != "" && found[0].ExternalID != externalID:
		return provision.Account{}, fault.New(fault.Unavailable, op, "the app answered success, but no such account is there")
	}
	return found[0], nil
}

// Update writes all attributes, so that it also puts right what was changed
// by hand. When the app answers without the account (204), the result is made
// of what was sent, Attributes is nil and Active says nothing.
func (c *Client) Update(ctx context.Context, id, externalID string, attributes, previous provision.Attributes) (provision.Account, error) {
	const op = "scim: update account"
	set, err := assignments(op, attributes)
	if err != nil {
		return provision.Account{}, err
	}
	gone := provision.Attributes{}
	for path, value := range previous {
		if _, stays := attributes[path]; !stays {
			gone[path] = value
		}
	}
	removed, err := assignments(op, gone)
	if err != nil {
		return provision.Account{}, err
	}
	ch := change{externalID: externalID, set: set, removed: removed, previous: previous}
	r, err := c.write(ctx, op, id, ch)
	if err != nil {
		name, _ := cmp.Or(previous["userName"], attributes["userName"]).(string)
		return provision.Account{}, c.gone(ctx, op, app.Ref{ID: id, ExternalID: externalID, UserName: name}, r, err)
	}
	if text(lookup(r.object, "id")) == "" {
		userName, _ := attributes["userName"].(string)
		return provision.Account{ID: id, UserName: userName, ExternalID: externalID}, nil
	}
	account, err := toAccount(op, r.object)
	if err == nil && account.ID != id {
		return provision.Account{}, fault.New(fault.Incomplete, op, "the app answered with another account")
	}
	return account, err
}

// SetActive writes active and nothing else.
func (c *Client) SetActive(ctx context.Context, ref app.Ref, active bool) error {
	op := "scim: suspend account"
	if active {
		op = "scim: unsuspend account"
	}
	r, err := c.write(ctx, op, ref.ID, change{active: &active})
	return c.gone(ctx, op, ref, r, err)
}

// Delete removes the account.
func (c *Client) Delete(ctx context.Context, ref app.Ref) error {
	const op = "scim: delete account"
	path, err := userPath(op, ref.ID)
	if err != nil {
		return err
	}
	r, err := c.do(ctx, request{op: op, method: http.MethodDelete, path: path})
	if err = c.gone(ctx, op, ref, r, err); fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// write sends a change by PATCH or PUT.
func (c *Client) write(ctx context.Context, op, id string, ch change) (reply, error) {
	usePatch, err := c.usePatch(ctx)
	if err != nil {
		return reply{}, err
	}
	if !usePatch {
		return c.put(ctx, op, id, ch)
	}
	r, err := c.patch(ctx, op, id, ch)
	if c.connection.UpdateMethod != MethodAuto || !methodMissing(r) {
		return r, err
	}
	// Nothing was changed: the app has no PATCH. If the address is wrong altogether, the read before the PUT says so.
	r, err = c.put(ctx, op, id, ch)
	if err == nil {
		c.patchMissing.Store(true)
	}
	return r, err
}

// methodMissing reports whether the app says that it has no such method; a
// 404 that is not SCIM's can mean that as well.
func methodMissing(r reply) bool {
	switch r.status {
	case http.StatusNotImplemented, http.StatusMethodNotAllowed:
		return true
	case http.StatusNotFound:
		return !r.scim
	}
	return false
}

// put replaces the account, and once more where somebody else changed it at the
// same time: that is no refusal (RFC 7644 section 3.14).
func (c *Client) put(ctx context.Context, op, id string, ch change) (reply, error) {
	r, err := c.replace(ctx, op, id, ch)
	if r.status == http.StatusPreconditionFailed {
		return c.replace(ctx, op, id, ch)
	}
	return r, err
}

// replace reads the account, changes it and sends everything back, since what a
// PUT leaves out may be cleared (RFC 7644 section 3.5.1).
func (c *Client) replace(ctx context.Context, op, id string, ch change) (reply, error) {
	r, err := c.get(ctx, op, id)
	if err != nil {
		return r, err
	}
	path, err := userPath(op, id)
	if err != nil {
		return reply{}, err
	}
	q := request{op: op, method: http.MethodPut, path: path, body: ch.replacement(r.object), names: ch.names()}
	if version := r.header.Get("ETag"); version != "" {
		config, err := c.serviceConfig(ctx)
		if err != nil {
			return reply{}, err
		}
		if config.etag {
			q.ifMatch = version
		}
	}
	return c.do(ctx, q)
}

// patch sends one PATCH, and reads the account before only where other
// entries of its lists would be lost, or an entry might not be there to be
// replaced. If the app cannot address an entry, it gets the whole list.
func (c *Client) patch(ctx context.Context, op, id string, ch change) (reply, error) {
	if ch.needsLists(c.wholeLists.Load()) {
		return c.patchLists(ctx, op, id, ch)
	}
	r, err := c.sendPatch(ctx, op, id, ch, nil)
	if !ch.addressesEntries() || !entryRefused(r) {
		return r, err
	}
	unaddressable := r.scimType != "noTarget"
	r, err = c.patchLists(ctx, op, id, ch)
	if err == nil && unaddressable {
		c.wholeLists.Store(true)
	}
	return r, err
}

// entryRefused reports whether the refusal can be about the address of a
// list's entry: noTarget when it is not there, others when the app does not
// understand it (RFC 7644 section 3.12). A refused PATCH has changed nothing (section 3.5.2).
func entryRefused(r reply) bool {
	if r.status != http.StatusBadRequest {
		return false
	}
	switch r.scimType {
	case "", "noTarget", "invalidPath", "invalidFilter", "invalidSyntax":
		return true
	}
	return false
}

// patchLists replaces lists as a whole, with the entries that others put there.
func (c *Client) patchLists(ctx context.Context, op, id string, ch change) (reply, error) {
	r, err := c.get(ctx, op, id)
	if err != nil {
		return r, err
	}
	return c.sendPatch(ctx, op, id, ch, r.object)
}

func (c *Client) sendPatch(ctx context.Context, op, id string, ch change, current map[string]any) (reply, error) {
	path, err := userPath(op, id)
	if err != nil {
		return reply{}, err
	}
	body := map[string]any{"schemas": []string{patchSchema}, "Operations": ch.operations(c.connection.PatchStyle, current)}
	return c.do(ctx, request{op: op, method: http.MethodPatch, path: path, body: body, names: ch.names()})
}

// notGone turns a 404 to a POST, which is about no account, into what it is.
func notGone(op string, err error) error {
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Unavailable, op, "the base URL may be wrong: %s", fault.Words(err))
	}
	return err
}
