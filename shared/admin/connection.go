package admin

import (
	"context"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// PutConnection checks and stores how to talk to the app. Another base URL is
// another app: the token must be verified there, and links are void (R10).
func (s *Service) PutConnection(ctx context.Context, conn provision.Connection) error {
	return s.Put(ctx, Proposal{Connection: &conn}, "")
}

// changeConnection checks no connection that is set already: the one in place
// at the beginning has no base URL yet, and can be put again as it is read.
func (s *Service) changeConnection(conn provision.Connection, before provision.Configuration) (change, error) {
	if s.FixedBaseURL {
		if conn.BaseURL != "" && conn.BaseURL != s.Connection.BaseURL {
			return change{}, fault.Field("baseUrl", "the base URL comes from the flag that this program was started with: leave it out, or start it with another")
		}
		conn.BaseURL = s.Connection.BaseURL
	}
	var err error
	if conn != before.Connection {
		err = s.Profile.CheckConnection(conn)
	}
	return change{"connection", func(c *provision.Configuration) (bool, error) {
		if conn == c.Connection {
			return false, nil
		}
		if conn.BaseURL != c.Connection.BaseURL {
			if c.On {
				return false, fault.New(fault.Unready, "", "turn off first: another base URL is another app")
			}
			moveTo(c, conn.BaseURL)
		}
		c.Connection, c.Revisions.Connection = conn, c.Revision
		return true, nil
	}}, err
}

// moveTo makes a configuration one of another app: the token is not for it (R15),
// and the links to the accounts in the app before are void, of which the next
// turn-on clears the records (R10).
func moveTo(c *provision.Configuration, baseURL string) {
	c.Connection.BaseURL, c.Stripping = baseURL, true
	c.Authorization = provision.Authorization{State: provision.AuthorizationNone}
}
