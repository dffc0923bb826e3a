package mapping_test

import (
	"errors"
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/mapping"
	"example.com/autoprovision/shared/provision"
)

// TestReadsWhatIsAskedFor: an attribute that the directory is not asked for is
// refused when the mapping is saved, in a path and however an expression reads
// it: it would be nobody's, without a word.
func TestReadsWhatIsAskedFor(t *testing.T) {
	t.Parallel()
	check := func(a provision.MappedAttribute) error {
		a.App = "title"
		_, err := mapping.Compile([]provision.MappedAttribute{a}, nil, func(string) error { return nil })
		return err
	}
	for _, path := range []string{"isAdmin", "lastLoginTime", "nonEditableAliases.0", "thumbnailPhotoUrl", "titel"} {
		if err := check(provision.MappedAttribute{Directory: path}); !fault.Is(err, fault.Invalid) {
			t.Errorf("%s: %v", path, err)
		}
	}
	for _, expression := range []string{
		`user.isAdmin`, `user.lastLoginTime == "" ? "" : "x"`, `user["thumbnailPhotoUrl"]`, `has(user.titel) ? "x" : ""`,
		`user.?nonEditableAliases[?0]`, `user[?"isAdmin"].orValue(false)`, `user.name.givenName + string(user.isAdmin)`,
		`["a"].map(x, user.titel)[0]`,
	} {
		err := check(provision.MappedAttribute{Expression: expression})
		if field := (*fault.Error)(nil); !errors.As(err, &field) || field.Field != "attributes[0].expression" {
			t.Errorf("%s: %v", expression, err)
		}
	}
	for _, expression := range []string{
		`user.primaryEmail`, `user["notes"].value`, `user.?organizations[?0].?title`, `has(user.gender) ? "x" : ""`, `"user.isAdmin"`,
		`user[user.notes.value]`, `["a"].map(user, user + "b")[0]`, `user.name.isAdmin`, `user.customSchemas.isAdmin.x`,
	} {
		if err := check(provision.MappedAttribute{Expression: expression}); err != nil {
			t.Errorf("%s: %v", expression, err)
		}
	}
}
