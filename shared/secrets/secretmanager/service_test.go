package secretmanager_test

import (
	"context"
	"fmt"
	"hash/crc32"
	"net"
	"strconv"
	"strings"
	"sync"
	"testing"

	cloud "cloud.google.com/go/secretmanager/apiv1"
	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"

	"example.com/autoprovision/shared/secrets"
)

const project, prefix = "p", "comeet-"

// service stands for Secret Manager, with the two secrets that a deployment
// makes. It answers as the real one is documented to
// (google.cloud.secretmanager.v1.SecretManagerService).
type service struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer

	mu sync.Mutex
	// versions are all versions of each secret, by its full name, the first first.
	versions map[string][]*stored
	accesses int
	// lag is how many of the newest versions lists and "latest" do not show yet.
	lag int
	// damage changes what is sent of a payload.
	damage func(*secretmanagerpb.SecretPayload)
	// refuse is the code of every answer, unless OK.
	refuse codes.Code
	// accessed, if set, is called when an access was answered but before it is sent.
	accessed func()
}

type stored struct {
	*secretmanagerpb.SecretVersion
	data []byte
}

func checksum(data []byte) int64 {
	return int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
}

// serve starts the service and returns a client of it; both end with the test.
func serve(t *testing.T) (*service, *cloud.Client) {
	t.Helper()
	s := &service{versions: map[string][]*stored{}}
	for _, name := range []string{secrets.AppToken, secrets.ChannelToken} {
		s.versions["projects/"+project+"/secrets/"+prefix+name] = nil
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	server := grpc.NewServer()
	secretmanagerpb.RegisterSecretManagerServiceServer(server, s)
	var served sync.WaitGroup
	served.Go(func() {
		if err := server.Serve(listener); err != nil {
			t.Error(err)
		}
	})
	client, err := cloud.NewClient(context.Background(), option.WithEndpoint(listener.Addr().String()), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials())))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := client.Close(); err != nil {
			t.Error(err)
		}
		server.Stop()
		served.Wait()
	})
	return s, client
}

func (s *service) set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// find returns all versions of a secret.
func (s *service) find(secret string) ([]*stored, error) {
	if s.refuse != codes.OK {
		return nil, status.Error(s.refuse, "the test says so")
	}
	all, ok := s.versions[secret]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "Secret [%s] not found.", secret)
	}
	return all, nil
}

// version returns one version by its full name.
func (s *service) version(name string) (*stored, error) {
	secret, id, _ := strings.Cut(name, "/versions/")
	all, err := s.find(secret)
	if err != nil {
		return nil, err
	}
	if id == "latest" {
		id = strconv.Itoa(len(all) - s.lag)
	}
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || n > len(all) {
		return nil, status.Errorf(codes.NotFound, "Secret Version [%s] not found.", name)
	}
	return all[n-1], nil
}

func (s *service) AddSecretVersion(_ context.Context, r *secretmanagerpb.AddSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.find(r.GetParent())
	if err != nil {
		return nil, err
	}
	data := r.GetPayload().GetData()
	if len(data) == 0 || len(data) > 65536 || r.GetPayload().GetDataCrc32C() != checksum(data) {
		return nil, status.Error(codes.InvalidArgument, "Secret Payload is empty, too large or damaged.")
	}
	made := &stored{&secretmanagerpb.SecretVersion{Name: fmt.Sprintf("%s/versions/%d", r.GetParent(), len(all)+1),
		State: secretmanagerpb.SecretVersion_ENABLED}, data}
	s.versions[r.GetParent()] = append(all, made)
	return proto.CloneOf(made.SecretVersion), nil
}

func (s *service) AccessSecretVersion(_ context.Context, r *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	s.mu.Lock()
	s.accesses++
	v, err := s.version(r.GetName())
	if err == nil && v.GetState() != secretmanagerpb.SecretVersion_ENABLED {
		err = status.Errorf(codes.FailedPrecondition, "Secret Version [%s] is in %s state.", v.GetName(), v.GetState())
	}
	if err != nil {
		s.mu.Unlock()
		return nil, err
	}
	sum := checksum(v.data)
	answer := &secretmanagerpb.AccessSecretVersionResponse{Name: v.GetName(),
		Payload: &secretmanagerpb.SecretPayload{Data: append([]byte(nil), v.data...), DataCrc32C: &sum}}
	if s.damage != nil {
		s.damage(answer.Payload)
	}
	accessed := s.accessed
	s.mu.Unlock()
	if accessed != nil {
		accessed()
	}
	return answer, nil
}

func (s *service) GetSecretVersion(_ context.Context, r *secretmanagerpb.GetSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.version(r.GetName())
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(v.SecretVersion), nil
}

// ListSecretVersions lists the newest first, two to a page.
func (s *service) ListSecretVersions(_ context.Context, r *secretmanagerpb.ListSecretVersionsRequest) (*secretmanagerpb.ListSecretVersionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.find(r.GetParent())
	if err != nil {
		return nil, err
	}
	shown := len(all) - s.lag
	if r.GetPageToken() != "" {
		if shown, err = strconv.Atoi(r.GetPageToken()); err != nil {
			return nil, status.Error(codes.InvalidArgument, "Invalid page token.")
		}
	}
	answer := &secretmanagerpb.ListSecretVersionsResponse{}
	for n := shown; n > max(shown-2, 0); n-- {
		answer.Versions = append(answer.Versions, proto.CloneOf(all[n-1].SecretVersion))
	}
	if shown > 2 {
		answer.NextPageToken = strconv.Itoa(shown - 2)
	}
	return answer, nil
}

func (s *service) DestroySecretVersion(_ context.Context, r *secretmanagerpb.DestroySecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.version(r.GetName())
	if err != nil {
		return nil, err
	}
	if v.GetState() == secretmanagerpb.SecretVersion_DESTROYED {
		return nil, status.Errorf(codes.FailedPrecondition, "Secret Version [%s] is already destroyed.", v.GetName())
	}
	v.State, v.data = secretmanagerpb.SecretVersion_DESTROYED, nil
	return proto.CloneOf(v.SecretVersion), nil
}
