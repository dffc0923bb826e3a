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
	"slices"
	"strings"
	"testing"

	"example.com/autoprovision/infra/require"
)

// apis are those whose address is overridden. The one more, run, keeps a part of
// its host, so it is reached through gcloud's proxy setting, as is whatever tries
// to leave.
const apis = "artifactregistry cloudbuild cloudfunctions cloudresourcemanager cloudscheduler cloudtasks firestore iam iamcredentials logging monitoring pubsub secretmanager serviceusage storage"

// given are the settings of the tests.
var given = []string{
	"--project=" + project, "--region=" + region, "--directory-subject=reader@example.com", "--alert-email=ops@example.com",
	"--organization=" + organization, "--audit-events=user=newEvent",
}

// run is how a run of deploy.sh ended.
type run struct {
	out, err string
	code     int
	// home is the folder in which gcloud kept its own files.
	home string
}

// did are the changes that the run said, in order of the alphabet: some are made at
// the same time.
func (r run) did() []string {
	changes, _, _ := strings.Cut(r.out, "\n\n")
	lines := strings.Split(strings.TrimSpace(changes), "\n")
	lines = lines[:len(lines)-1] // the summary
	slices.Sort(lines)
	return lines
}

// deploy runs deploy.sh against the cloud.
func (c *cloud) deploy(t *testing.T, args ...string) run {
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
	path := os.Getenv("PATH")
	if c.gcloud != "" {
		path = c.gcloud + ":" + path
	}
	env := []string{"PATH=" + path, "HOME=" + home, "TMPDIR=" + home, "CLOUDSDK_CONFIG=" + home,
		"CLOUDSDK_AUTH_ACCESS_TOKEN_FILE=" + token, "CLOUDSDK_CORE_CHECK_GCE_METADATA=false", "CLOUDSDK_CORE_DISABLE_USAGE_REPORTING=true",
		"CLOUDSDK_COMPONENT_MANAGER_DISABLE_UPDATE_CHECK=true", "CLOUDSDK_API_ENDPOINT_OVERRIDES_RUN=http://run.fake/run/",
		"CLOUDSDK_PROXY_TYPE=http", "CLOUDSDK_PROXY_ADDRESS=" + address.Hostname(), "CLOUDSDK_PROXY_PORT=" + address.Port(),
		"AUTOPROVISION_TOKEN_ADDRESS=" + c.server.URL + "/token", "AUTOPROVISION_DIRECTORY_ADDRESS=" + c.server.URL, "AUTOPROVISION_PATIENCE=0.1"}
	for api := range strings.FieldsSeq(apis) {
		env = append(env, "CLOUDSDK_API_ENDPOINT_OVERRIDES_"+strings.ToUpper(api)+"="+c.server.URL+"/"+api+"/")
	}
	r := script(t, env, args...)
	r.home = home
	for _, problem := range locked(c, func() []string { return c.problems }) {
		t.Error(problem)
	}
	return r
}

// script runs deploy.sh in an environment.
func script(t *testing.T, env []string, args ...string) run {
	t.Helper()
	require.Source(t, "../..")
	cmd := exec.CommandContext(t.Context(), "../../deploy.sh", args...)
	var out, problems bytes.Buffer
	cmd.Env, cmd.Stdout, cmd.Stderr = env, &out, &problems
	if err := cmd.Run(); err != nil && cmd.ProcessState == nil {
		t.Fatal(err)
	}
	return run{out: out.String(), err: problems.String(), code: cmd.ProcessState.ExitCode()}
}

// must runs deploy.sh with the given settings, and wants it to succeed.
func (c *cloud) must(t *testing.T, args ...string) run {
	t.Helper()
	r := c.deploy(t, slices.Concat(args, given)...)
	if r.code != 0 {
		t.Fatalf("deploy.sh %v ended with %d\n%s\n%s", args, r.code, r.out, r.err)
	}
	return r
}
