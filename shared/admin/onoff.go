package admin

import (
	"context"
	"errors"
	"strings"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/state"
)

// Authorize verifies a token with the app and then stores it. It authorizes
// and reauthorizes: what was on goes on with a sweep (R11).
func (s *Service) Authorize(ctx context.Context, token secrets.Value) error {
	if strings.TrimSpace(token.Reveal()) == "" {
		return fault.Field("accessToken", "paste the access token from the app")
	}
	token = secrets.NewValue(strings.TrimSpace(token.Reveal()))
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	if c.Connection.BaseURL == "" {
		return fault.New(fault.Unready, "", "set the app's base URL in the connection settings first")
	}
	verified := c.Connection.BaseURL
	switch err := s.Apps.Verify(ctx, c.Connection, token); {
	case fault.Is(err, fault.Unauthorized, fault.Forbidden):
		return fault.Field("accessToken", "the app refuses this token: copy it again from the app, whole and without spaces")
	case err != nil:
		return fault.New(fault.Unready, "", "the token could not be verified with the app, so it was not stored: %s", fault.Words(err))
	}
	version, err := s.Secrets.Put(ctx, secrets.AppToken, token)
	if err != nil {
		return err
	}
	c, err = s.store(ctx, func(c *provision.Configuration) (what string, err error) {
		if _, latest, err := s.Secrets.Latest(ctx, secrets.AppToken); err != nil || latest != version {
			return "", fault.New(fault.Conflict, "", "another token was stored at the same time: authorize again")
		}
		if c.Connection.BaseURL != verified {
			return "", fault.New(fault.Conflict, "", "the base URL was changed at the same time, and this token is not verified with that app: authorize again")
		}
		c.Authorization = provision.Authorization{State: provision.AuthorizationOK, VerifiedAt: s.Business(), SecretVersion: version}
		return "app authorized", nil
	})
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	return errors.Join(s.drain(ctx, c.Revision), s.resweep(ctx, c, "reauthorize"), s.Secrets.DestroyBefore(ctx, secrets.AppToken, version))
}

// TurnOn begins provisioning with a sweep (R8). Turning on what is on changes
// nothing. confirmed is the id of a preview whose removals are released (R12);
// empty for none.
func (s *Service) TurnOn(ctx context.Context, confirmed string) error {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	preview, err := s.confirmed(ctx, confirmed, c, nil)
	if err != nil {
		return err
	}
	if c.Stripping {
		if err := s.strip(ctx, c.Connection.BaseURL); err != nil {
			return err
		}
	}
	c, err = s.store(ctx, func(c *provision.Configuration) (string, error) {
		if c.On {
			return "", state.ErrUnchanged
		}
		if c.Stripping {
			return "", fault.New(fault.Conflict, "", "the configuration is being deleted: turn on again in a moment")
		}
		if preview != nil && c.Revision != preview.Revision+1 {
			return "", errMoved
		}
		if err := ready(*c); err != nil {
			return "", err
		}
		c.On, c.TurnedOnAt = true, s.Business()
		return "turned on", nil
	})
	// It is on, now or by an earlier call: each of these is tried, whatever becomes of
	// the others. A release comes before the sweep that acts on it.
	ctx = context.WithoutCancel(ctx)
	if errors.Is(err, state.ErrUnchanged) { // but who turned it on may not have come to ask for the sweep
		return s.Sweeper.CatchUp(ctx, c, "turnOn")
	}
	if err != nil {
		return err
	}
	err = errors.Join(s.drain(ctx, c.Revision), s.release(ctx, preview, c.TurnedOnAt))
	if err := s.Push.Open(ctx); err != nil { // seconds become a sweep interval, and nothing is lost
		s.Log.WarnContext(ctx, "no push channel: changes are seen by the next sweep", "error", err.Error())
	}
	return errors.Join(err, s.resweep(ctx, c, "turnOn"))
}

// ready says what is missing before autoprovisioning can be turned on.
func ready(c provision.Configuration) error {
	var missing []string
	if c.Authorization.State == provision.AuthorizationNone || c.Authorization.State == "" {
		missing = append(missing, "the access token")
	}
	if c.Scope == nil {
		missing = append(missing, "the scope")
	}
	if len(c.Policies) == 0 {
		missing = append(missing, "the deprovisioning time frames")
	}
	if len(missing) > 0 {
		return fault.New(fault.Unready, "", "not ready to be turned on; set first: %s", strings.Join(missing, ", "))
	}
	if c.Authorization.State != provision.AuthorizationOK {
		return fault.New(fault.Unready, "", "the app refuses the stored access token: reauthorize first")
	}
	return nil
}

// TurnOff stops provisioning and keeps the configuration (R8). When it
// returns, no operation can start any more.
func (s *Service) TurnOff(ctx context.Context) error {
	c, err := s.store(ctx, func(c *provision.Configuration) (string, error) {
		if !c.On {
			return "", state.ErrUnchanged
		}
		c.On = false
		return "turned off", nil
	})
	if err != nil && !errors.Is(err, state.ErrUnchanged) { // off already it may have been turned this moment
		return err
	}
	ctx = context.WithoutCancel(ctx)
	err = s.drain(ctx, c.Revision)
	s.closePush(ctx)
	return err
}

func (s *Service) closePush(ctx context.Context) {
	if err := s.Push.Close(context.WithoutCancel(ctx)); err != nil {
		s.Log.WarnContext(ctx, "the push channel could not be stopped; it ends by itself", "error", err.Error())
	}
}

// Sweep asks for a sweep now.
func (s *Service) Sweep(ctx context.Context) error {
	c, err := s.Store.Configuration(ctx)
	if err != nil {
		return err
	}
	if !c.On {
		return fault.New(fault.Unready, "", "autoprovisioning is off: turn it on first, which sweeps")
	}
	if !c.Runs() {
		return fault.New(fault.Unready, "", "the app refuses the stored access token: reauthorize first, which sweeps")
	}
	_, err = s.Sweeper.Request(ctx, "button")
	return err
}
