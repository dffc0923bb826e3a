package api

import (
	"context"
	"net/http"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/secrets"
)

// Configuration is all that is set but for the token, each section in the form of
// its PUT; null where nothing is. As it is it can be previewed, and put again.
type Configuration struct {
	Connection     Connection         `json:"connection"`
	Mapping        Mapping            `json:"mapping"`
	Scope          *SetScope          `json:"scope"`
	Deprovisioning *SetDeprovisioning `json:"deprovisioning"`
	Protected      Protected          `json:"protected"`
	Guard          Guard              `json:"guard"`
}

// The sections that are null until they are set. In what is sent they are of
// their own types, since the framework lets every field of a nullable object be null.
type (
	// SetScope is the scope, once it is set.
	SetScope struct {
		_ struct{} `nullable:"true"`
		Scope
	}
	// SetDeprovisioning is the time frames, once they are set.
	SetDeprovisioning struct {
		_ struct{} `nullable:"true"`
		Deprovisioning
	}
)

// Connection is how to talk to the app.
type Connection struct {
	BaseURL           string  `json:"baseUrl"`
	UpdateMethod      string  `json:"updateMethod" doc:"auto, patch or put"`
	PatchStyle        string  `json:"patchStyle" doc:"path or value"`
	MediaType         string  `json:"mediaType"`
	PageSize          int     `json:"pageSize"`
	RequestsPerSecond float64 `json:"requestsPerSecond" doc:"0 for unlimited"`
	Concurrency       int     `json:"concurrency"`
	HardDelete        bool    `json:"hardDelete"`
}

// Mapping says where each app attribute comes from.
type Mapping struct {
	Attributes []MappedAttribute `json:"attributes" nullable:"false"`
}

// MappedAttribute is one app attribute, from a directory attribute or an expression.
type MappedAttribute struct {
	App        string `json:"app"`
	Directory  string `json:"directory,omitempty"`
	Expression string `json:"expression,omitempty"`
}

// Scope is who should have an account (R1). Every list must be there, if empty:
// one that is lost on the way, as an empty entry of a YAML file is, would be a
// scope for everybody or for nobody.
type Scope struct {
	OrgUnits     []OrgUnit `json:"orgUnits" nullable:"false"`
	AccessGroups []string  `json:"accessGroups" nullable:"false"`
	Groups       []string  `json:"groups" nullable:"false" doc:"Empty for no such limit"`
	Domains      []string  `json:"domains" nullable:"false"`
}

// OrgUnit turns the app on or off for an org unit and what is below it.
type OrgUnit struct {
	Path string `json:"path"`
	On   bool   `json:"on"`
}

// Deprovisioning is the time frames of each condition.
type Deprovisioning struct {
	AppOff    TimeFrames  `json:"appOff"`
	Suspended TimeFrames  `json:"suspended"`
	Deleted   TimeFrames  `json:"deleted"`
	Archived  *TimeFrames `json:"archived,omitempty" doc:"Left out while archived is no condition"`
}

// TimeFrames is when to suspend and to hard delete; absent for never.
type TimeFrames struct {
	SuspendAfter string `json:"suspendAfter,omitempty" pattern:"^(within24h|[1-9][0-9]{0,2}d)$" patternDescription:"within24h, a number of days from 1d to 365d, or leave it out for never"`
	DeleteAfter  string `json:"deleteAfter,omitempty" pattern:"^(within24h|[1-9][0-9]{0,2}d)$" patternDescription:"within24h, a number of days from 1d to 365d, or leave it out for never"`
}

// Protected is who is never suspended or hard deleted (R18).
type Protected struct {
	Users []string `json:"users" nullable:"false" doc:"Addresses"`
}

// Guard is the limit on removals (R12).
type Guard struct {
	MaxShare float64 `json:"maxShare" doc:"From 0 to 1, of the accounts"`
	MinUsers int     `json:"minUsers" doc:"As many are always allowed"`
}

func viewConfiguration(c provision.Configuration) Configuration {
	view := Configuration{
		Connection: Connection(c.Connection),
		Mapping:    Mapping{list(c.Mapping, func(m provision.MappedAttribute) MappedAttribute { return MappedAttribute(m) })},
		Protected:  Protected{list(c.Protected, func(p provision.Protected) string { return p.Email })},
		Guard:      Guard(c.Guard),
	}
	if s := c.Scope; s != nil {
		email := func(g provision.GroupRef) string { return g.Email }
		view.Scope = &SetScope{Scope: Scope{
			OrgUnits:     list(s.OrgUnits, func(o provision.OrgUnitState) OrgUnit { return OrgUnit{Path: o.Path, On: o.On} }),
			AccessGroups: list(s.AccessGroups, email), Groups: list(s.Groups, email), Domains: orEmpty(s.Domains),
		}}
	}
	if policy, ok := c.Policy(); ok {
		set := Deprovisioning{AppOff: viewFrames(policy.AppOff), Suspended: viewFrames(policy.Suspended), Deleted: viewFrames(policy.Deleted)}
		if policy.Archived != nil {
			frames := viewFrames(*policy.Archived)
			set.Archived = &frames
		}
		view.Deprovisioning = &SetDeprovisioning{Deprovisioning: set}
	}
	return view
}

func viewFrames(f provision.TimeFrames) TimeFrames {
	return TimeFrames{SuspendAfter: string(f.SuspendAfter), DeleteAfter: string(f.DeleteAfter)}
}

func (f TimeFrames) stored() provision.TimeFrames {
	return provision.TimeFrames{SuspendAfter: provision.Delay(f.SuspendAfter), DeleteAfter: provision.Delay(f.DeleteAfter)}
}

// Sections are those of a proposal; absent ones, and null ones, stay as they are.
type Sections struct {
	Connection     *ConnectionEdit `json:"connection,omitempty"`
	Mapping        *Mapping        `json:"mapping,omitempty"`
	Scope          *Scope          `json:"scope,omitempty"`
	Deprovisioning *Deprovisioning `json:"deprovisioning,omitempty"`
	Protected      *Protected      `json:"protected,omitempty"`
	Guard          *Guard          `json:"guard,omitempty"`
}

// proposal is what the use cases take; connection is in place where a part of
// one is absent.
func (s Sections) proposal(connection provision.Connection) admin.Proposal {
	var p admin.Proposal
	if e := s.Connection; e != nil {
		conn := e.over(connection)
		p.Connection = &conn
	}
	if m := s.Mapping; m != nil {
		p.Mapping = list(m.Attributes, func(m MappedAttribute) provision.MappedAttribute { return provision.MappedAttribute(m) })
	}
	if in := s.Scope; in != nil {
		p.Scope = &admin.ScopeInput{
			OrgUnits:     list(in.OrgUnits, func(o OrgUnit) admin.OrgUnitInput { return admin.OrgUnitInput(o) }),
			AccessGroups: in.AccessGroups, Groups: in.Groups, Domains: in.Domains,
		}
	}
	if d := s.Deprovisioning; d != nil {
		p.Deprovisioning = &provision.Deprovisioning{AppOff: d.AppOff.stored(), Suspended: d.Suspended.stored(), Deleted: d.Deleted.stored()}
		if d.Archived != nil {
			frames := d.Archived.stored()
			p.Deprovisioning.Archived = &frames
		}
	}
	if in := s.Protected; in != nil {
		p.Protected = &in.Users
	}
	if g := s.Guard; g != nil {
		guard := provision.Guard(*g)
		p.Guard = &guard
	}
	return p
}

// inSection is where a field of a fault, or a whole section at fault, is among the sections.
func inSection(field string) string {
	first := field
	if i := strings.IndexAny(field, ".["); i >= 0 {
		first = field[:i]
	}
	switch first {
	case "attributes":
		return "mapping." + field
	case "orgUnits", "accessGroups", "groups", "domains":
		return "scope." + field
	case "appOff", "suspended", "deleted", "archived":
		return "deprovisioning." + field
	case "users":
		return "protected." + field
	case "maxShare", "minUsers":
		return "guard." + field
	case "baseUrl", "updateMethod", "patchStyle", "mediaType", "pageSize", "requestsPerSecond", "concurrency", "hardDelete":
		return "connection." + field
	}
	return field
}

// Confirmation releases whom a preview of the same edit named (R12).
type Confirmation struct {
	ConfirmedPreview string `json:"confirmedPreview,omitempty" doc:"The id of a preview of exactly this, whose suspends and hard deletes are then not held"`
}

// The bodies of the PUTs that take a confirmation.
type (
	// MappingEdit replaces the mapping.
	MappingEdit struct {
		Mapping
		Confirmation
	}
	// ScopeEdit replaces the scope.
	ScopeEdit struct {
		Scope
		Confirmation
	}
	// DeprovisioningEdit replaces the time frames.
	DeprovisioningEdit struct {
		Deprovisioning
		Confirmation
	}
	// ProtectedEdit replaces the list of protected people.
	ProtectedEdit struct {
		Protected
		Confirmation
	}
	// GuardEdit replaces the limit on removals.
	GuardEdit struct {
		Guard
		Confirmation
	}
	// ConfigurationEdit replaces the whole configuration, all of it or nothing.
	ConfigurationEdit struct {
		Sections
		Confirmation
	}
)

func (e MappingEdit) sections() Sections        { return Sections{Mapping: &e.Mapping} }
func (e ScopeEdit) sections() Sections          { return Sections{Scope: &e.Scope} }
func (e DeprovisioningEdit) sections() Sections { return Sections{Deprovisioning: &e.Deprovisioning} }
func (e ProtectedEdit) sections() Sections      { return Sections{Protected: &e.Protected} }
func (e GuardEdit) sections() Sections          { return Sections{Guard: &e.Guard} }
func (c Confirmation) confirmed() string        { return c.ConfirmedPreview }

// edit is a body that replaces one section.
type edit interface {
	sections() Sections
	confirmed() string
}

// body is a request with a body.
type body[T any] struct{ Body T }

// ConnectionEdit replaces the connection; what is absent is as it was at the beginning.
type ConnectionEdit struct {
	BaseURL           *string  `json:"baseUrl,omitempty"`
	UpdateMethod      *string  `json:"updateMethod,omitempty" doc:"auto, patch or put"`
	PatchStyle        *string  `json:"patchStyle,omitempty" doc:"path or value"`
	MediaType         *string  `json:"mediaType,omitempty" doc:"application/scim+json or application/json"`
	PageSize          *int     `json:"pageSize,omitempty" doc:"1 to 1000"`
	RequestsPerSecond *float64 `json:"requestsPerSecond,omitempty" doc:"0 for unlimited"`
	Concurrency       *int     `json:"concurrency,omitempty" doc:"1 to 64"`
	HardDelete        *bool    `json:"hardDelete,omitempty"`
}

// over fills in what is absent.
func (e ConnectionEdit) over(d provision.Connection) provision.Connection {
	return provision.Connection{
		BaseURL: or(e.BaseURL, d.BaseURL), UpdateMethod: or(e.UpdateMethod, d.UpdateMethod),
		PatchStyle: or(e.PatchStyle, d.PatchStyle), MediaType: or(e.MediaType, d.MediaType),
		PageSize: or(e.PageSize, d.PageSize), RequestsPerSecond: or(e.RequestsPerSecond, d.RequestsPerSecond),
		Concurrency: or(e.Concurrency, d.Concurrency), HardDelete: or(e.HardDelete, d.HardDelete),
	}
}

func or[T any](sent *T, otherwise T) T {
	if sent == nil {
		return otherwise
	}
	return *sent
}

// AccessToken is the app's token; it is in no answer.
type AccessToken struct {
	AccessToken string `json:"accessToken" writeOnly:"true"`
}

const newStatus = "The new status"

func (a *api) registerConfiguration() {
	handle(a, a.operation(http.MethodGet, a.app(""), "status", tagApp, "How things stand", "The status"),
		func(ctx context.Context, _ *struct{}) (*answer[Status], error) { return a.status(ctx, nil) })
	handle(a, a.operation(http.MethodPut, a.app("/authorization"), "authorize", tagConfiguration,
		"Verify an access token with the app and store it: authorize and reauthorize", newStatus),
		func(ctx context.Context, in *body[AccessToken]) (*answer[Status], error) {
			return a.status(ctx, a.service.Authorize(ctx, secrets.NewValue(in.Body.AccessToken)))
		})
	handle(a, a.operation(http.MethodPut, a.app("/connection"), "putConnection", tagConfiguration, "Replace how to talk to the app", newStatus),
		func(ctx context.Context, in *body[ConnectionEdit]) (*answer[Status], error) {
			return a.status(ctx, a.service.PutConnection(ctx, in.Body.over(a.service.Connection)))
		})
	handle(a, a.operation(http.MethodGet, a.app("/configuration"), "getConfiguration", tagConfiguration,
		"The whole configuration as one document, to be kept in a file, previewed and put again", "Every section; the access token is none of them"),
		func(ctx context.Context, _ *struct{}) (*answer[Configuration], error) {
			c, err := a.service.Configuration(ctx)
			return &answer[Configuration]{viewConfiguration(c)}, err
		})
	handle(a, a.operation(http.MethodPut, a.app("/configuration"), idConfiguration, tagConfiguration,
		"Replace the whole configuration, all of it or nothing; only a section that was never set may be absent or null", newStatus),
		func(ctx context.Context, in *body[ConfigurationEdit]) (*answer[Status], error) {
			return a.status(ctx, a.service.PutWhole(ctx, in.Body.proposal(a.service.Connection), in.Body.ConfirmedPreview))
		})
	put[MappingEdit](a, "/mapping", "putMapping", "Replace the mapping")
	put[ScopeEdit](a, "/scope", "putScope", "Replace who should have an account")
	put[DeprovisioningEdit](a, "/deprovisioning", "putDeprovisioning", "Replace the time frames")
	put[ProtectedEdit](a, "/protected", "putProtected", "Replace who is never suspended or hard deleted")
	put[GuardEdit](a, "/guard", "putGuard", "Replace the limit on removals")
}

func put[E edit](a *api, below, id, summary string) {
	handle(a, a.operation(http.MethodPut, a.app(below), id, tagConfiguration, summary, newStatus),
		func(ctx context.Context, in *body[E]) (*answer[Status], error) {
			return a.status(ctx, a.service.Put(ctx, in.Body.sections().proposal(a.service.Connection), in.Body.confirmed()))
		})
}

// status answers with the status, after what was done unless that failed.
func (a *api) status(ctx context.Context, failed error) (*answer[Status], error) {
	if failed != nil {
		return nil, failed
	}
	s, err := a.service.Status(ctx)
	return &answer[Status]{viewStatus(s)}, err
}
