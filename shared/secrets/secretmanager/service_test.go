package secretmanager_test

import (
	"context"
	"testing"

	cloud "cloud.google.com/go/secretmanager/apiv1"

	"example.com/autoprovision/infra/simsecrets"
	"example.com/autoprovision/shared/secrets"
)

const project, prefix = "p", "comeet-"

// serve starts Secret Manager with the two secrets that the program writes, and
// returns a client of it; both end with the test.
func serve(t *testing.T) (*simsecrets.Service, *cloud.Client) {
	t.Helper()
	path := "projects/" + project + "/secrets/" + prefix
	s, address, stop, err := simsecrets.Start(path+secrets.AppToken, path+secrets.ChannelToken)
	if err != nil {
		t.Fatal(err)
	}
	client, err := cloud.NewClient(context.Background(), simsecrets.Client(address)...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		stop()
	})
	return s, client
}
