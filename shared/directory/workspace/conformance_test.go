package workspace_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"testing/synctest"

	"golang.org/x/time/rate"
	admin "google.golang.org/api/admin/directory/v1"
	"google.golang.org/api/option"

	"example.com/autoprovision/infra/simworkspace"
	"example.com/autoprovision/shared/directory/directorytest"
	"example.com/autoprovision/shared/directory/workspace"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/throttle"
)

func TestConformance(t *testing.T) {
	sim := simworkspace.New(1, &simworkspace.Options{Push: &http.Client{Transport: accepts{}}})
	t.Cleanup(sim.Close)
	sim.Seed(simworkspace.DefaultCompany())
	sim.Populate(600) // more than a page of users
	client := newClient(t, sim.Transport())
	api, err := admin.NewService(context.Background(),
		option.WithHTTPClient(&http.Client{Transport: sim.Transport()}), option.WithEndpoint("http://sim.invalid/"))
	if err != nil {
		t.Fatal(err)
	}
	directorytest.Run(t, func(*testing.T) directorytest.Harness {
		return directorytest.Harness{
			Directory: client, World: world{api},
			Domain: "example.com", OtherDomain: "example.net",
			PushAddress: "https://push.invalid/directory-push",
		}
	})
}

// TestSimulatedFaults plays what Workspace is known to do wrong.
func TestSimulatedFaults(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		sim := simworkspace.New(1, nil)
		defer sim.Close()
		sim.Seed(simworkspace.DefaultCompany())
		client := newClient(t, sim.Transport())
		id, _ := sim.UserID("noa.levi@example.com")
		group, err := client.Group(t.Context(), "recruiting@example.com")
		if err != nil {
			t.Fatal(err)
		}
		user := func() error { _, err := client.User(t.Context(), id); return err }
		list := func() error { _, err := client.ListUsers(t.Context(), ""); return err }
		members := func() error { _, err := client.ListMembers(t.Context(), group.ID, ""); return err }
		for _, test := range []struct {
			name   string
			faults simworkspace.Faults
			call   func() error
			want   fault.Kind // Internal for no error
		}{
			{"throttled for a while", simworkspace.Faults{Throttle: 3}, user, fault.Internal},
			{"throttled with 429", simworkspace.Faults{Throttle: 9, ThrottleStatus: 429}, user, fault.Throttled},
			{"down for a while", simworkspace.Faults{ServerErrors: 4, ServerErrorStatus: 502}, list, fault.Internal},
			{"down", simworkspace.Faults{ServerErrors: 9}, list, fault.Unavailable},
			{"slower than the time-out", simworkspace.Faults{LatencyMS: 40_000}, user, fault.Unavailable},
			{"elsewhere", simworkspace.Faults{RedirectTo: "http://elsewhere.invalid/"}, user, fault.Unavailable},
			{"no users key", simworkspace.Faults{NoUsersKey: 1}, list, fault.Incomplete},
			{"no suspended key", simworkspace.Faults{MissingKeys: []string{"suspended"}}, user, fault.Incomplete},
			{"a group that shows nobody", simworkspace.Faults{EmptyGroups: []string{group.Email}}, members, fault.Incomplete},
			{"a group that claims to be empty", simworkspace.Faults{EmptyGroups: []string{group.Email}, DirectMembersCount: "0"}, members, fault.Internal},
		} {
			sim.SetFaults(test.faults)
			if err := test.call(); fault.KindOf(err) != test.want || (err == nil) != (test.want == fault.Internal) {
				t.Errorf("%s: got %v, want kind %v", test.name, err, test.want)
			}
		}
	})
}

// newClient returns a client without a rate limit over a transport.
func newClient(t *testing.T, transport http.RoundTripper) *workspace.Client {
	t.Helper()
	client, err := workspace.New(context.Background(), &http.Client{Transport: transport}, &workspace.Options{
		BaseURL: "http://sim.invalid", Limiter: throttle.New(rate.Inf, 1),
	})
	if err != nil {
		t.Fatal(err)
	}
	return client
}

// accepts takes every notification.
type accepts struct{}

func (accepts) RoundTrip(req *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: http.StatusNoContent, Body: http.NoBody, Request: req}, nil
}

// world changes a directory through Google's own client for the Directory API,
// so that the suite also holds the simulation to what that client expects.
type world struct{ api *admin.Service }

func (w world) AddUser(t *testing.T, email, orgUnitPath string) string {
	t.Helper()
	u, err := w.api.Users.Insert(&admin.User{PrimaryEmail: email, OrgUnitPath: orgUnitPath, Password: "anything, it is required",
		Name: &admin.UserName{GivenName: "Given", FamilyName: "Family"}}).Do()
	return must(t, u, err).Id
}

func (w world) PatchUser(t *testing.T, id string, keys map[string]any) {
	t.Helper()
	u := &admin.User{}
	for key, value := range keys {
		switch key {
		case "suspended":
			u.Suspended = value.(bool)
			u.ForceSendFields = append(u.ForceSendFields, "Suspended")
		case "archived":
			u.Archived = value.(bool)
			u.ForceSendFields = append(u.ForceSendFields, "Archived")
		case "primaryEmail":
			u.PrimaryEmail = value.(string)
		case "organizations":
			u.Organizations = value
		case "name":
			name := value.(map[string]string)
			u.Name = &admin.UserName{GivenName: name["givenName"], FamilyName: name["familyName"]}
		default:
			t.Fatalf("unknown key %s", key)
		}
	}
	_, err := w.api.Users.Patch(id, u).Do()
	must(t, u, err)
}

func (w world) DeleteUser(t *testing.T, id string) {
	t.Helper()
	must(t, id, w.api.Users.Delete(id).Do())
}

func (w world) RestoreUser(t *testing.T, id string) {
	t.Helper()
	must(t, id, w.api.Users.Undelete(id, &admin.UserUndelete{OrgUnitPath: "/"}).Do())
}

func (w world) AddGroup(t *testing.T, email, name string) string {
	t.Helper()
	g, err := w.api.Groups.Insert(&admin.Group{Email: email, Name: name}).Do()
	return must(t, g, err).Id
}

func (w world) AddMember(t *testing.T, groupID, member string) {
	t.Helper()
	m := &admin.Member{Id: member, Role: "MEMBER"}
	if strings.Contains(member, "@") {
		m = &admin.Member{Email: member, Role: "MEMBER"}
	}
	_, err := w.api.Members.Insert(groupID, m).Do()
	must(t, m, err)
}

func (w world) AddEveryone(t *testing.T, groupID string) {
	t.Helper()
	m, err := w.api.Members.Insert(groupID, &admin.Member{Type: "CUSTOMER", Role: "MEMBER"}).Do()
	must(t, m, err)
}

func (w world) AddOrgUnit(t *testing.T, parentPath, name string) string {
	t.Helper()
	u, err := w.api.Orgunits.Insert("my_customer", &admin.OrgUnit{Name: name, ParentOrgUnitPath: parentPath}).Do()
	return must(t, u, err).OrgUnitId
}

func (w world) RenameOrgUnit(t *testing.T, id, name string) {
	t.Helper()
	u, err := w.api.Orgunits.Patch("my_customer", id, &admin.OrgUnit{Name: name}).Do()
	must(t, u, err)
}

func (w world) AddSchema(t *testing.T, name, field string) {
	t.Helper()
	s, err := w.api.Schemas.Insert("my_customer", &admin.Schema{SchemaName: name,
		Fields: []*admin.SchemaFieldSpec{{FieldName: field, FieldType: "STRING"}}}).Do()
	must(t, s, err)
}

func must[T any](t *testing.T, value T, err error) T {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
	return value
}
