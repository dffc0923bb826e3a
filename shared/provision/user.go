package provision

import (
	"encoding/json"
	"strings"
	"time"
)

// Lifecycle is what the directory says of a person's account there.
type Lifecycle string

// The lifecycles. Archived wins over suspended, deleted over archived (R6).
const (
	Active    Lifecycle = "active"
	Suspended Lifecycle = "suspended"
	Archived  Lifecycle = "archived"
	Deleted   Lifecycle = "deleted"
	// Unknown is a person about whom the directory has not said enough to decide anything (R13).
	Unknown Lifecycle = "unknown"
)

// User is a person as the directory had them at one moment.
type User struct {
	// ID is the directory's immutable id: a string of digits that may exceed 64 bits.
	ID string `json:"id"`
	// Email is the present primary address.
	Email string `json:"email"`
	// Lifecycle is Active, Suspended, Archived or Deleted; Unknown when the directory did not say.
	Lifecycle Lifecycle `json:"lifecycle"`
	// Since is the directory's own time of the suspension, archiving or
	// deletion that Lifecycle names; zero when it gives none.
	Since time.Time `json:"since,omitzero"`
	// OrgUnitPath is the path of the person's org unit, "/" for the root.
	OrgUnitPath string `json:"orgUnitPath,omitempty"`
	// CustomerID is the directory customer the person belongs to.
	CustomerID string `json:"customerId,omitempty"`
	// Guest is true for people from outside the organisation, who are never provisioned (R1).
	Guest bool `json:"guest,omitempty"`
	// Resource is the user resource as the directory sent it, of ResourceAttributes;
	// the mapping reads it.
	Resource json.RawMessage `json:"resource,omitempty"`
}

// ResourceAttributes are the top-level attributes of a user that the directory
// is asked for
// (developers.google.com/workspace/admin/directory/reference/rest/v1/users):
// those that decide something and those that a mapping can read. What is left
// out is nobody's business here (recovery address and telephone, keys for
// log-in) or changes without the person changing (etag, last log-in, photo).
func ResourceAttributes() []string {
	return []string{"id", "primaryEmail", "suspended", "suspensionTime", "archived", "archivalTime", "deletionTime",
		"orgUnitPath", "customerId", "isGuestUser", "creationTime", "name", "aliases", "emails", "organizations", "phones",
		"addresses", "externalIds", "relations", "languages", "locations", "websites", "ims", "keywords", "gender", "notes",
		"customSchemas"}
}

// Domain is the lower-cased domain of the primary address; empty when there is none.
func (u User) Domain() string {
	_, domain, _ := strings.Cut(u.Email, "@")
	return strings.ToLower(domain)
}

// Attributes are an account's attributes as a flat map from the attribute's
// SCIM path (RFC 7644 section 3.10), such as userName, name.givenName,
// emails[type eq "work"].value or
// urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department,
// to a string, a bool or a float64. An attribute without a value is absent.
type Attributes map[string]any

// ExternalID is the path of the attribute that is the directory id, written by
// us and replaced by no mapping (R2).
const ExternalID = "externalId"

// Equal reports whether both hold the same attributes with the same values.
func (a Attributes) Equal(b Attributes) bool {
	if len(a) != len(b) {
		return false
	}
	for path, value := range a {
		other, ok := b[path]
		if !ok || other != value {
			return false
		}
	}
	return true
}

// Account is a user account as the app has it at one moment.
type Account struct {
	ID         string     `json:"id"`
	UserName   string     `json:"userName,omitempty"`
	ExternalID string     `json:"externalId,omitempty"`
	Active     bool       `json:"active"`
	Attributes Attributes `json:"attributes,omitempty"`
}
