// Package comeet owns what the system knows of the app Comeet: its name, the
// attributes that can be mapped, and the settings to begin with.
//
// It promises to be the only product package that knows Comeet by name. What
// Comeet's interface supports is in no public page, so everything here is a
// default that an administrator can change and a probe can check; it never
// talks to the app itself (package scim does).
package comeet

import (
	"errors"
	"net"
	"net/url"
	"strings"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/scim"
)

// Paths of the attributes that stand in the default mapping.
const (
	userName   = "userName"
	givenName  = "name.givenName"
	familyName = "name.familyName"
	workEmail  = `emails[type eq "work"].value`
)

// Profile is Comeet's profile.
func Profile() app.Profile {
	return app.Profile{
		ID:              "comeet",
		Name:            "Comeet",
		Attributes:      attributes(),
		Mapping:         defaultMapping(),
		Connection:      defaultConnection(),
		CheckAttribute:  scim.CheckMappable,
		CheckConnection: checkConnection,
	}
}

// attributes are the minimum that an applicant tracking system needs to know
// a person by, and what Comeet's own profile page shows beside it. Comeet's
// real list is not public.
func attributes() []app.Attribute {
	enterprise := scim.EnterpriseSchema + ":"
	return []app.Attribute{
		{Path: userName, Label: "User name", Mandatory: true},
		{Path: givenName, Label: "First name", Mandatory: true},
		{Path: familyName, Label: "Last name", Mandatory: true},
		{Path: workEmail, Label: "Work email", Mandatory: true},
		{Path: "displayName", Label: "Display name"},
		{Path: "title", Label: "Job title"},
		{Path: `phoneNumbers[type eq "work"].value`, Label: "Work phone"},
		{Path: `phoneNumbers[type eq "mobile"].value`, Label: "Mobile phone"},
		{Path: enterprise + "department", Label: "Department"},
		{Path: enterprise + "division", Label: "Division"},
		{Path: enterprise + "costCenter", Label: "Cost center"},
		{Path: enterprise + "employeeNumber", Label: "Employee number"},
		{Path: "locale", Label: "Locale"},
		{Path: "preferredLanguage", Label: "Preferred language"},
		{Path: "timezone", Label: "Time zone"},
	}
}

// defaultMapping holds the mandatory attributes only: servers often refuse a
// request over an attribute that they do not store, and what is not sent
// cannot leak. Both names by which Comeet's single sign-on could join are the
// primary email, because its SAML attribute comeet_id is.
func defaultMapping() []provision.MappedAttribute {
	return []provision.MappedAttribute{
		{App: userName, Directory: "primaryEmail"},
		{App: givenName, Directory: "name.givenName"},
		{App: familyName, Directory: "name.familyName"},
		{App: workEmail, Directory: "primaryEmail"},
	}
}

// defaultConnection has no base URL, since none is published. The rate is
// careful for the same reason.
func defaultConnection() provision.Connection {
	return provision.Connection{
		UpdateMethod:      scim.MethodAuto,
		PatchStyle:        scim.StylePath,
		MediaType:         scim.MediaSCIM,
		PageSize:          100,
		RequestsPerSecond: 2,
		Concurrency:       4,
		HardDelete:        true,
	}
}

// checkConnection reports every setting that cannot be used, joined.
func checkConnection(c provision.Connection) error {
	var errs []error
	if err := checkBaseURL(c.BaseURL); err != nil {
		errs = append(errs, err)
	}
	if c.UpdateMethod != scim.MethodAuto && c.UpdateMethod != scim.MethodPatch && c.UpdateMethod != scim.MethodPut {
		errs = append(errs, fault.Field("updateMethod", "must be %s, %s or %s", scim.MethodAuto, scim.MethodPatch, scim.MethodPut))
	}
	if c.PatchStyle != scim.StylePath && c.PatchStyle != scim.StyleValue {
		errs = append(errs, fault.Field("patchStyle", "must be %s or %s", scim.StylePath, scim.StyleValue))
	}
	if c.MediaType != scim.MediaSCIM && c.MediaType != scim.MediaJSON {
		errs = append(errs, fault.Field("mediaType", "must be %s or %s", scim.MediaSCIM, scim.MediaJSON))
	}
	if c.PageSize < 1 || c.PageSize > 1000 {
		errs = append(errs, fault.Field("pageSize", "must be 1 to 1000"))
	}
	if !(c.RequestsPerSecond >= 0 && c.RequestsPerSecond <= 1000) { // written so that NaN fails
		errs = append(errs, fault.Field("requestsPerSecond", "must be 0 (unlimited) to 1000"))
	}
	if c.Concurrency < 1 || c.Concurrency > 64 {
		errs = append(errs, fault.Field("concurrency", "must be 1 to 64"))
	}
	return errors.Join(errs...)
}

// checkBaseURL refuses what would send the token where nobody meant it to go.
func checkBaseURL(text string) error {
	const field = "baseUrl"
	if text == "" {
		return fault.Field(field, "is missing: ask Comeet's support for the address of their SCIM interface")
	}
	u, err := url.Parse(text)
	if err != nil || u.Hostname() == "" || u.Scheme != "https" && u.Scheme != "http" {
		return fault.Field(field, "must be a full address such as https://app.example.com/scim/v2")
	}
	switch {
	case u.User != nil:
		return fault.Field(field, "must not hold a user name or password")
	case u.RawQuery != "" || u.ForceQuery || u.Fragment != "" || strings.HasSuffix(text, "#"):
		return fault.Field(field, "must end before any ? or #")
	case u.Scheme == "http" && !loopback(u.Hostname()):
		return fault.Field(field, "must begin with https, else the token could be read on the way")
	}
	return nil
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
