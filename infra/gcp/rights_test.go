package gcp

import (
	"slices"
	"strings"
	"testing"

	secretsclient "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"

	"example.com/autoprovision/infra/simsecrets"
	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
	"example.com/autoprovision/shared/secrets/secretmanager"
)

// permissions are those of Google's roles on secrets
// (cloud.google.com/secret-manager/docs/access-control), without secretmanager.versions.
var permissions = map[string]string{
	"secretmanager.secretAccessor": "access", "secretmanager.secretVersionAdder": "add",
	"secretmanager.secretVersionManager": "add destroy disable enable get list",
}

// TestSecretRights reads the newest version of each secret as each account that
// does so, with the roles of roles.txt: that there is none is said as what it is,
// and not as a right that is missing. Nobody else may read it.
func TestSecretRights(t *testing.T) {
	t.Parallel()
	const at = "projects/" + project + "/secrets/autoprovision-"
	roles, own := read(t, "roles.txt"), table(t, "customroles")
	may := func(account, permission, secret string) bool {
		for line := range strings.Lines(roles) {
			row := strings.Fields(line)
			if len(row) < 3 || row[0] != account || at+strings.TrimPrefix(row[2], "secret:") != secret {
				continue
			}
			if slices.Contains(own[row[1]], permission) || slices.Contains(strings.Fields(permissions[row[1]]), strings.TrimPrefix(permission, "secretmanager.versions.")) {
				return true
			}
		}
		return false
	}
	readers := map[string][]string{secrets.AppToken: {"ap-console", "ap-reconcile", "ap-sweep"}, secrets.OAuthClient: {"ap-console"}, secrets.SessionKey: {"ap-console"}}
	for secret, accounts := range readers {
		service, address, stop, err := simsecrets.Start(at + secret)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(stop)
		as := func(account string) *secretmanager.Store {
			client, err := secretsclient.NewClient(t.Context(), simsecrets.ClientOf(address, account)...)
			if err != nil {
				t.Fatal(err)
			}
			t.Cleanup(func() { _ = client.Close() })
			return secretmanager.New(client, project, "autoprovision-", clock.System)
		}
		want := func(when string) {
			for account := range table(t, "accounts") {
				reads := slices.Contains(accounts, account)
				if _, _, err := as(account).Latest(t.Context(), secret); reads != fault.Is(err, fault.NotFound) || err == nil {
					t.Errorf("%s, %s, %s: %v", when, account, secret, err)
				}
			}
		}
		service.Set(func() { service.May = may })
		want("no version")
		service.Set(func() { service.May = nil })
		if _, err := as("").Put(t.Context(), secret, secrets.NewValue("x")); err != nil {
			t.Fatal(err)
		}
		service.Set(func() {
			service.May = may
			service.Versions[at+secret][0].State = secretmanagerpb.SecretVersion_DISABLED
		})
		want("disabled by hand")
	}
}
