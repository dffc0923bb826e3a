// Package simsecrets is Secret Manager for tests: a server of its gRPC interface
// that keeps secrets in memory.
//
// It promises to answer as the real one is documented to
// (google.cloud.secretmanager.v1.SecretManagerService), late and damaged
// answers included where a test asks for them. It makes no secret by itself,
// only versions of those that it was started with, as in a deployment.
package simsecrets

import (
	"context"
	"fmt"
	"hash/crc32"
	"net"
	"strconv"
	"strings"
	"sync"

	"cloud.google.com/go/secretmanager/apiv1/secretmanagerpb"
	"google.golang.org/api/option"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/proto"
)

// Service stands for Secret Manager. What is exported is changed in Set only.
type Service struct {
	secretmanagerpb.UnimplementedSecretManagerServiceServer

	mu sync.Mutex
	// Versions are all versions of each secret, by its full name, the first first.
	Versions map[string][]*Version
	// Accesses counts the readings of secrets.
	Accesses int
	// Lag is how many of the newest versions lists and "latest" do not show yet.
	Lag int
	// Damage changes what is sent of a payload.
	Damage func(*secretmanagerpb.SecretPayload)
	// Refuse is the code of every answer, unless OK.
	Refuse codes.Code
	// Lose is the code of the answer to each write that was done, unless OK.
	Lose codes.Code
	// May, if set, says whether a caller has a permission on a secret, by its full
	// name; callers are those of ClientOf.
	May func(account, permission, secret string) bool
	// Accessed, if set, is called when an access was answered but before it is sent.
	Accessed func()
}

// Version is one version of a secret.
type Version struct {
	*secretmanagerpb.SecretVersion
	data []byte
}

// Start starts a service with secrets of these full names, without versions, on
// a free port of this machine, and returns its address. stop ends it.
func Start(names ...string) (s *Service, address string, stop func(), err error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, "", nil, err
	}
	s = &Service{Versions: map[string][]*Version{}}
	for _, name := range names {
		s.Versions[name] = nil
	}
	server := grpc.NewServer()
	secretmanagerpb.RegisterSecretManagerServiceServer(server, s)
	var served sync.WaitGroup
	served.Go(func() { _ = server.Serve(listener) }) // ends with Stop
	return s, listener.Addr().String(), func() {
		server.Stop()
		served.Wait()
	}, nil
}

// Client are the options of a client of the service at an address.
func Client(address string) []option.ClientOption {
	return []option.ClientOption{option.WithEndpoint(address), option.WithoutAuthentication(),
		option.WithGRPCDialOption(grpc.WithTransportCredentials(insecure.NewCredentials()))}
}

// caller is the key under which a request names its account.
const caller = "account"

// ClientOf are the options of a client that calls as an account.
func ClientOf(address, account string) []option.ClientOption {
	return append(Client(address), option.WithGRPCDialOption(grpc.WithChainUnaryInterceptor(
		func(ctx context.Context, method string, in, out any, c *grpc.ClientConn, call grpc.UnaryInvoker, o ...grpc.CallOption) error {
			return call(metadata.AppendToOutgoingContext(ctx, caller, account), method, in, out, c, o...)
		})))
}

func checksum(data []byte) int64 {
	return int64(crc32.Checksum(data, crc32.MakeTable(crc32.Castagnoli)))
}

// Set changes the service while nothing is asked of it.
func (s *Service) Set(change func()) {
	s.mu.Lock()
	defer s.mu.Unlock()
	change()
}

// find returns all versions of a secret to who has the permission
// secretmanager.versions.what.
func (s *Service) find(ctx context.Context, what, secret string) ([]*Version, error) {
	if account := append(metadata.ValueFromIncomingContext(ctx, caller), "")[0]; s.May != nil && !s.May(account, "secretmanager.versions."+what, secret) {
		return nil, status.Errorf(codes.PermissionDenied, "Permission 'secretmanager.versions.%s' denied for resource '%s' (or it may not exist).", what, secret)
	}
	if s.Refuse != codes.OK {
		return nil, status.Error(s.Refuse, "the test says so")
	}
	all, ok := s.Versions[secret]
	if !ok {
		return nil, status.Errorf(codes.NotFound, "Secret [%s] not found.", secret)
	}
	return all, nil
}

// version returns one version by its full name.
func (s *Service) version(ctx context.Context, what, name string) (*Version, error) {
	secret, id, _ := strings.Cut(name, "/versions/")
	all, err := s.find(ctx, what, secret)
	if err != nil {
		return nil, err
	}
	if id == "latest" {
		id = strconv.Itoa(len(all) - s.Lag)
	}
	n, err := strconv.Atoi(id)
	if err != nil || n < 1 || n > len(all) {
		return nil, status.Errorf(codes.NotFound, "Secret Version [%s] not found.", name)
	}
	return all[n-1], nil
}

// AddSecretVersion stores a version.
func (s *Service) AddSecretVersion(ctx context.Context, r *secretmanagerpb.AddSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.find(ctx, "add", r.GetParent())
	if err != nil {
		return nil, err
	}
	data := r.GetPayload().GetData()
	if len(data) == 0 || len(data) > 65536 || r.GetPayload().GetDataCrc32C() != checksum(data) {
		return nil, status.Error(codes.InvalidArgument, "Secret Payload is empty, too large or damaged.")
	}
	made := &Version{&secretmanagerpb.SecretVersion{Name: fmt.Sprintf("%s/versions/%d", r.GetParent(), len(all)+1),
		State: secretmanagerpb.SecretVersion_ENABLED}, data}
	s.Versions[r.GetParent()] = append(all, made)
	return s.written(made)
}

// AccessSecretVersion reads a version that is enabled.
func (s *Service) AccessSecretVersion(ctx context.Context, r *secretmanagerpb.AccessSecretVersionRequest) (*secretmanagerpb.AccessSecretVersionResponse, error) {
	s.mu.Lock()
	s.Accesses++
	v, err := s.version(ctx, "access", r.GetName())
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
	if s.Damage != nil {
		s.Damage(answer.Payload)
	}
	accessed := s.Accessed
	s.mu.Unlock()
	if accessed != nil {
		accessed()
	}
	return answer, nil
}

// GetSecretVersion tells of a version.
func (s *Service) GetSecretVersion(ctx context.Context, r *secretmanagerpb.GetSecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.version(ctx, "get", r.GetName())
	if err != nil {
		return nil, err
	}
	return proto.CloneOf(v.SecretVersion), nil
}

// ListSecretVersions lists the newest first, two to a page.
func (s *Service) ListSecretVersions(ctx context.Context, r *secretmanagerpb.ListSecretVersionsRequest) (*secretmanagerpb.ListSecretVersionsResponse, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	all, err := s.find(ctx, "list", r.GetParent())
	if err != nil {
		return nil, err
	}
	shown := len(all) - s.Lag
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

// DestroySecretVersion destroys a version.
func (s *Service) DestroySecretVersion(ctx context.Context, r *secretmanagerpb.DestroySecretVersionRequest) (*secretmanagerpb.SecretVersion, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	v, err := s.version(ctx, "destroy", r.GetName())
	if err != nil {
		return nil, err
	}
	if v.GetState() == secretmanagerpb.SecretVersion_DESTROYED {
		return nil, status.Errorf(codes.FailedPrecondition, "Secret Version [%s] is already destroyed.", v.GetName())
	}
	v.State, v.data = secretmanagerpb.SecretVersion_DESTROYED, nil
	return s.written(v)
}

// written is the answer to a write that was done.
func (s *Service) written(v *Version) (*secretmanagerpb.SecretVersion, error) {
	if s.Lose != codes.OK {
		return nil, status.Error(s.Lose, "the test says so")
	}
	return proto.CloneOf(v.SecretVersion), nil
}
