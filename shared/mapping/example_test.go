package mapping_test

import (
	"encoding/json"
	"fmt"

	"example.com/autoprovision/shared/mapping"
	"example.com/autoprovision/shared/provision"
)

func Example() {
	m, err := mapping.Compile([]provision.MappedAttribute{
		{App: "userName", Directory: "primaryEmail"},
		{App: "title", Directory: "organizations.primary.title"},
		{App: "displayName", Expression: `user.name.givenName + " " + user.name.familyName`},
		{App: "locale", Expression: `user.?languages[?0].?languageCode`},
	}, []string{"userName"}, func(string) error { return nil })
	if err != nil {
		fmt.Println(err)
		return
	}
	attributes, err := m.Apply(provision.User{Resource: json.RawMessage(`{
		"primaryEmail": "bo@example.com",
		"name": {"givenName": "Bo", "familyName": "Li"},
		"organizations": [{"title": "Intern"}, {"title": "Engineer", "primary": true}]
	}`)})
	fmt.Println(attributes, err)

	_, err = m.Apply(provision.User{Resource: json.RawMessage(`{"primaryEmail": "cy@example.com"}`)})
	fmt.Println(err)
	// Output:
	// map[displayName:Bo Li title:Engineer userName:bo@example.com] <nil>
	// displayName: the expression reads something that this person does not have; ask first, as in has(user.name.givenName), or write user.?name.?givenName.orValue("")
}
