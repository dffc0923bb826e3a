package mapping_test

import (
	"testing"

	"example.com/autoprovision/shared/mapping"
	"example.com/autoprovision/shared/provision"
)

// eight are the attributes of a common mapping.
var eight = []provision.MappedAttribute{
	directory("userName", "primaryEmail"),
	directory("name.givenName", "name.givenName"),
	directory("name.familyName", "name.familyName"),
	directory(`emails[type eq "work"].value`, "primaryEmail"),
	directory("title", "organizations.primary.title"),
	directory("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:department", "organizations.primary.department"),
	directory(`phoneNumbers[type eq "work"].value`, "phones.work.value"),
	directory("urn:ietf:params:scim:schemas:extension:enterprise:2.0:User:employeeNumber", "externalIds.organization.value"),
}

// BenchmarkApply is one user of common size.
func BenchmarkApply(b *testing.B) {
	for _, bench := range []struct {
		name       string
		attributes []provision.MappedAttribute
	}{
		{"paths", eight},
		{"expressions", append(eight[:6:6],
			expression(`phoneNumbers[type eq "work"].value`, `user.phones.filter(p, p.type == "work")[?0].?value`),
			expression("displayName", `user.name.givenName + " " + user.name.familyName`))},
	} {
		b.Run(bench.name, func(b *testing.B) {
			m := compile(b, []string{"userName"}, bench.attributes...)
			u := user(ana)
			b.ReportAllocs()
			for b.Loop() {
				if _, err := m.Apply(u); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkCompile shows that a mapping can be compiled anew when the configuration is read.
func BenchmarkCompile(b *testing.B) {
	attributes := append(eight[:7:7], expression("displayName", `user.name.givenName + " " + user.name.familyName`))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := mapping.Compile(attributes, nil, anything); err != nil {
			b.Fatal(err)
		}
	}
}
