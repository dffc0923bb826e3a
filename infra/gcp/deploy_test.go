// Package gcp holds the tests of deploy.sh: of its parts and tables in this
// folder, run with the real gcloud against a server that stands for Google Cloud.
// They show what is asked of Google, not that Google grants it.
package gcp

import (
	"bytes"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"example.com/autoprovision/infra/require"
)

// apis are those whose address is overridden; run's host is kept by gcloud and
// reached through its proxy setting.
const apis = "artifactregistry cloudbuild cloudfunctions cloudresourcemanager cloudscheduler cloudtasks firestore iam iamcredentials logging monitoring pubsub secretmanager serviceusage storage"

// result is how a run of deploy.sh ended.
type result struct {
	out, err string
	code     int
}

// settings are those of the tests.
var settings = []string{
	"--project=" + project, "--region=" + region, "--directory-subject=reader@example.com", "--alert-email=ops@example.com",
	"--organization=" + organization, "--oauth-client-id=123-abc.apps.googleusercontent.com",
}

// deploy runs deploy.sh against the cloud.
func (c *cloud) deploy(t *testing.T, args ...string) result {
	t.Helper()
	_, missing := exec.LookPath("gcloud")
	require.Tool(t, missing == nil, "gcloud")
	home := t.TempDir()
	token := filepath.Join(home, "token")
	if err := os.WriteFile(token, []byte("test"), 0o600); err != nil {
		t.Fatal(err)
	}
	address, err := url.Parse(c.server.URL)
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.CommandContext(t.Context(), "../../deploy.sh", args...)
	cmd.Env = []string{"PATH=" + os.Getenv("PATH"), "HOME=" + home, "TMPDIR=" + home, "CLOUDSDK_CONFIG=" + home,
		"CLOUDSDK_AUTH_ACCESS_TOKEN_FILE=" + token, "CLOUDSDK_CORE_CHECK_GCE_METADATA=false", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true", "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN=http://run.fake/run/",
		"CLOUDSDK_PROXY_TYPE=http", "CLOUDSDK_PROXY_ADDRESS=" + address.Hostname(), "CLOUDSDK_PROXY_PORT=" + address.Port(),
		"AUTOPROVISION_TOKEN_ADDRESS=" + c.server.URL + "/token", "AUTOPROVISION_DIRECTORY_ADDRESS=" + c.server.URL + "/directory", "AUTOPROVISION_PATIENCE=0.1",
	}
	for api := range strings.FieldsSeq(apis) {
		cmd.Env = append(cmd.Env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+strings.ToUpper(api)+"="+c.server.URL+"/"+api+"/")
	}
	var out, problems bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &problems
	err = cmd.Run()
	if _, exited := err.(*exec.ExitError); err != nil && !exited {
		t.Fatal(err)
	}
	for _, problem := range locked(c, func() []string { return c.problems }) {
		t.Error(problem)
	}
	return result{out.String(), problems.String(), cmd.ProcessState.ExitCode()}
}

func TestApply(t *testing.T) {
	c := newCloud(t)
	r := c.deploy(t, append([]string{"apply"}, settings...)...)
	t.Logf("%d\n%s\n%s", r.code, r.out, r.err)
}
