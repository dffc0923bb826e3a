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

// resolveConnection checks a connection, if there is one, and returns what it changes.
func (s *Service) resolveConnection(proposed *provision.Connection) (apply func(*provision.Configuration) error, err error) {
	if proposed == nil {
		return func(*provision.Configuration) error { return nil }, nil
	}
	conn := *proposed
	if s.FixedBaseURL {
		if conn.BaseURL != "" && conn.BaseURL != s.Connection.BaseURL {
			return nil, fault.Field("baseUrl", "the base URL comes from the flag that this program was started with: leave it out, or start it with another")
		}
		conn.BaseURL = s.Connection.BaseURL
	}
	if err := s.Profile.CheckConnection(conn); err != nil {
		return nil, err
	}
	return func(c *provision.Configuration) error {
		if conn.BaseURL != c.Connection.BaseURL && c.Connection.BaseURL != "" {
			if c.On {
				return fault.New(fault.Unready, "", "turn off first: another base URL is another app")
			}
			c.Authorization = provision.Authorization{State: provision.AuthorizationNone}
		}
		c.Connection, c.Revisions.Connection = conn, c.Revision
		return nil
	}, nil
}
