package workspace

import (
	"context"
	"strings"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
)

var _ directory.Administrators = (*Client)(nil)

// SuperAdministrator implements directory.Administrators. isAdmin is Google's
// word for a super administrator; isDelegatedAdmin is a lesser one
// (https://developers.google.com/workspace/admin/directory/reference/rest/v1/users).
func (c *Client) SuperAdministrator(ctx context.Context, id string) (customerID string, err error) {
	const op = "workspace: get administrator"
	if id == "" || strings.Contains(id, "@") {
		return "", fault.New(fault.Invalid, op, "an administrator is read by the directory's id, not by an address")
	}
	body, err := c.read(ctx, op, func(ctx context.Context) error {
		_, err := c.api.Users.Get(id).Fields("id,customerId,isAdmin,suspended,archived,deletionTime").Context(ctx).Do()
		return err
	})
	if fault.Is(err, fault.NotFound) {
		return "", nil
	}
	if err != nil {
		return "", err
	}
	var keys struct {
		ID           string `json:"id"`
		CustomerID   string `json:"customerId"`
		IsAdmin      *bool  `json:"isAdmin"`
		Suspended    *bool  `json:"suspended"`
		Archived     *bool  `json:"archived"`
		DeletionTime moment `json:"deletionTime"`
	}
	if err := decode(op, body, &keys); err != nil {
		return "", err
	}
	if keys.ID != id {
		return "", incomplete(op, "the answer is about another user")
	}
	if keys.IsAdmin == nil || keys.Suspended == nil || keys.Archived == nil || keys.CustomerID == "" || keys.DeletionTime.unreadable {
		return "", incomplete(op, "the user lacks one of customerId, isAdmin, suspended and archived")
	}
	if !*keys.IsAdmin || *keys.Suspended || *keys.Archived || !keys.DeletionTime.at.IsZero() {
		return "", nil
	}
	return keys.CustomerID, nil
}
