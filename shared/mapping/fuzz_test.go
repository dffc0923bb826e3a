package mapping_test

import (
	"testing"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/mapping"
	"example.com/autoprovision/shared/provision"
)

// FuzzPath compiles any text as a path and applies it to any resource.
func FuzzPath(f *testing.F) {
	for _, path := range []string{"primaryEmail", "name.familyName", "organizations.primary.title", "phones.work.value",
		"externalIds.badge.value", "emails.999.address", "emails.1000.address", "emails.00.address", "name..x", "aliases.primary.primary", "näme"} {
		f.Add(path, ana)
	}
	f.Add("emails.primary", `{"emails":[[],{"primary":"true"},{"primary":true}]}`)
	f.Fuzz(func(t *testing.T, path, resource string) { fuzz(t, directory("title", path), resource) })
}

// FuzzExpression compiles any text as an expression and applies it to any
// resource. One that gets past its bounds shows as a hang or as memory gone.
// Run it with -fuzzminimizetime=10x: the parser caches, so that no input looks
// the same twice, and minimizing one takes its whole minute.
func FuzzExpression(f *testing.F) {
	for _, source := range sources {
		if source.Expression != "" {
			f.Add(source.Expression, ana)
		}
	}
	f.Fuzz(func(t *testing.T, text, resource string) { fuzz(t, expression("title", text), resource) })
}

// fuzz compiles a source and applies it twice.
func fuzz(t *testing.T, source provision.MappedAttribute, resource string) {
	m, err := mapping.Compile([]provision.MappedAttribute{source}, nil, anything)
	if err != nil {
		if m != nil || !fault.Is(err, fault.Invalid) {
			t.Fatalf("Compile = %v, %v; want invalid", m, err)
		}
		return
	}
	values, err := m.Preview(user(resource))
	checkValues(t, values, err)
	if first, second := printed(values, err), printed(m.Preview(user(resource))); first != second {
		t.Errorf("two results for one resource: %s and %s", first, second)
	}
}
