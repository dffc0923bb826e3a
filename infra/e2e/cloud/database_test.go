package cloud

import (
	"context"
	"errors"
	"io"
	"net"
	"strings"
	"sync"
	"testing"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/encoding"
	"google.golang.org/grpc/mem"
	"google.golang.org/grpc/metadata"
	"google.golang.org/protobuf/proto"
)

// database passes every call on to Firestore's emulator, which counts nothing,
// and counts what is paid for: documents read, written and deleted, where a
// query costs one read at least and a count one for each thousand
// (cloud.google.com/firestore/pricing).
type database struct {
	address string
	backend *grpc.ClientConn

	mu                     sync.Mutex
	reads, writes, deletes int
}

// bill is what was counted.
type bill struct{ reads, writes, deletes int }

func (d *database) bill() bill {
	d.mu.Lock()
	defer d.mu.Unlock()
	return bill{d.reads, d.writes, d.deletes}
}

func newDatabase(t *testing.T, emulator string) *database {
	t.Helper()
	backend, err := grpc.NewClient(emulator, grpc.WithTransportCredentials(insecure.NewCredentials()),
		grpc.WithDefaultCallOptions(grpc.ForceCodecV2(raw{}), grpc.MaxCallRecvMsgSize(64<<20)))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d := &database{address: listener.Addr().String(), backend: backend}
	server := grpc.NewServer(grpc.ForceServerCodecV2(raw{}), grpc.UnknownServiceHandler(d.pass), grpc.MaxRecvMsgSize(64<<20))
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() {
		server.Stop()
		_ = backend.Close()
	})
	return d
}

// pass passes one call on, both ways, until both sides have ended.
func (d *database) pass(_ any, in grpc.ServerStream) error {
	method, _ := grpc.MethodFromServerStream(in)
	ctx, cancel := context.WithCancel(in.Context())
	defer cancel()
	if sent, ok := metadata.FromIncomingContext(ctx); ok {
		ctx = metadata.NewOutgoingContext(ctx, sent)
	}
	out, err := d.backend.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	if err != nil {
		return err
	}
	go func() {
		for {
			var message []byte
			if in.RecvMsg(&message) != nil {
				_ = out.CloseSend() // the answer says what comes of it
				return
			}
			d.asked(method, message)
			if out.SendMsg(&message) != nil {
				return
			}
		}
	}()
	for answers := 0; ; answers++ {
		var message []byte
		if err := out.RecvMsg(&message); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		d.answered(method, message, answers)
		if err := in.SendMsg(&message); err != nil {
			return err
		}
	}
}

func (d *database) asked(method string, message []byte) {
	var commit firestorepb.CommitRequest
	if !strings.HasSuffix(method, "/Commit") || proto.Unmarshal(message, &commit) != nil {
		return
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, w := range commit.GetWrites() {
		if w.GetDelete() != "" {
			d.deletes++
		} else {
			d.writes++
		}
	}
}

func (d *database) answered(method string, message []byte, before int) {
	reads := 0
	switch method[strings.LastIndexByte(method, '/')+1:] {
	case "BatchGetDocuments":
		var answer firestorepb.BatchGetDocumentsResponse
		if proto.Unmarshal(message, &answer) == nil && answer.GetResult() != nil {
			reads = 1
		}
	case "RunQuery":
		var answer firestorepb.RunQueryResponse
		if proto.Unmarshal(message, &answer) == nil && (answer.GetDocument() != nil || before == 0) {
			reads = 1
		}
	case "RunAggregationQuery":
		reads = 1
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	d.reads += reads
}

// raw passes messages on as they are.
type raw struct{}

var _ encoding.CodecV2 = raw{}

func (raw) Name() string { return "proto" }

func (raw) Marshal(v any) (mem.BufferSlice, error) {
	return mem.BufferSlice{mem.SliceBuffer(*v.(*[]byte))}, nil
}

func (raw) Unmarshal(data mem.BufferSlice, v any) error {
	*v.(*[]byte) = data.Materialize()
	return nil
}
