package scim

import (
	"encoding/json"
	"testing"

	"example.com/autoprovision/shared/provision"
)

// eight are the attributes of a common mapping.
func eight() provision.Attributes {
	return provision.Attributes{
		"userName": "ana@example.com", "name.givenName": "Ana", "name.familyName": "Lima", "title": "Engineer",
		`emails[type eq "work"].value`: "ana@example.com", `phoneNumbers[type eq "work"].value`: "+351 123",
		EnterpriseSchema + ":department": "Kitchen", EnterpriseSchema + ":employeeNumber": "17",
	}
}

// BenchmarkEncode is the body of one write.
func BenchmarkEncode(b *testing.B) {
	const op = "scim: benchmark"
	list, err := assignments(op, eight())
	if err != nil {
		b.Fatal(err)
	}
	change := change{externalID: "1", set: list, previous: eight()}
	current := newResource("1", list)
	for _, bench := range []struct {
		name string
		body func() any
	}{
		{"create", func() any { return newResource("1", list) }},
		{"patch", func() any { return change.operations(StylePath, nil) }},
		{"patch lists", func() any { return change.operations(StylePath, current) }},
		{"put", func() any { return change.replacement(current) }},
	} {
		b.Run(bench.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, err := json.Marshal(bench.body()); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	b.Run("paths", func(b *testing.B) {
		attributes := eight()
		b.ReportAllocs()
		for b.Loop() {
			if _, err := assignments(op, attributes); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkDecode is one account of a listing.
func BenchmarkDecode(b *testing.B) {
	list, err := assignments("scim: benchmark", eight())
	if err != nil {
		b.Fatal(err)
	}
	resource := newResource("1", list)
	resource["id"] = "a1"
	data, err := json.Marshal(resource)
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := toAccount("scim: benchmark", parseObject(data)); err != nil {
			b.Fatal(err)
		}
	}
}
