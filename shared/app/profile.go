package app

import (
	"context"

	"example.com/autoprovision/shared/provision"
)

// Attribute is an attribute of an account that the wizard offers for mapping.
type Attribute struct {
	// Path is its SCIM path, as in provision.Attributes.
	Path string `json:"path"`
	// Label is its name in words.
	Label string `json:"label"`
	// Mandatory means that no account can be created without it.
	Mandatory bool `json:"mandatory"`
}

// Profile is what the rest of the system must know of one app: everything
// that names the app, or is particular to it, is in here.
type Profile struct {
	// ID is the app's name in addresses and records, Name its name on pages.
	ID, Name string
	// Attributes are offered for mapping; others may be mapped as well, see CheckAttribute.
	Attributes []Attribute
	// Mapping and Connection are in place until an administrator sets others.
	Mapping    []provision.MappedAttribute
	Connection provision.Connection
	// CheckAttribute returns nil for an app attribute that may be mapped, else
	// a fault.Invalid that says why not.
	CheckAttribute func(path string) error
	// CheckConnection returns nil for usable settings, else one or more
	// fault.Field errors, joined.
	CheckConnection func(provision.Connection) error
}

// Mandatory are the paths of the attributes that must be mapped.
func (p Profile) Mandatory() []string {
	var paths []string
	for _, a := range p.Attributes {
		if a.Mandatory {
			paths = append(paths, a.Path)
		}
	}
	return paths
}

// Finding is one thing that a probe found out about the app.
type Finding struct {
	// Check names what was looked at: token, discovery, patch, schemas, filter, paging or errors.
	Check string `json:"check"`
	// OK is false when it stands in the way of provisioning or costs safety or speed.
	OK bool `json:"ok"`
	// Found says what the app did, Meaning what follows from it for the settings.
	Found   string `json:"found"`
	Meaning string `json:"meaning"`
}

// Report is the outcome of a probe.
type Report struct {
	Findings []Finding `json:"findings"`
	// Suggested is the connection with the settings that the findings speak for.
	Suggested provision.Connection `json:"suggested"`
}

// Prober finds out what the app supports. It only reads.
type Prober interface {
	// Probe returns an error only when nothing could be found out: the app
	// gave no answer (fault.Unavailable, Throttled) or refused the token (Unauthorized).
	Probe(ctx context.Context) (Report, error)
}
