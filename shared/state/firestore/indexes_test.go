package firestore

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cloud.google.com/go/firestore/apiv1/firestorepb"
	diff "github.com/google/go-cmp/cmp"
	"google.golang.org/grpc"
	"google.golang.org/protobuf/types/known/timestamppb"

	"example.com/autoprovision/shared/provision"
	"example.com/autoprovision/shared/state"
)

// declared is the file that deployments make indexes from, in the form that
// Firebase's tools read (firebase.google.com/docs/reference/firestore/indexes).
func declared(t *testing.T) (indexes, exempt, expiring []string) {
	t.Helper()
	data, err := os.ReadFile("../../../infra/gcp/firestore.indexes.json")
	if err != nil {
		t.Fatal(err)
	}
	var file struct {
		Indexes []struct {
			CollectionGroup, QueryScope string
			Fields                      []struct{ FieldPath, Order string }
		}
		FieldOverrides []struct {
			CollectionGroup, FieldPath string
			TTL                        bool
			Indexes                    []any
		}
	}
	decoder := json.NewDecoder(strings.NewReader(string(data)))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&file); err != nil {
		t.Fatal(err)
	}
	for _, i := range file.Indexes {
		var fields []string
		for _, f := range i.Fields {
			fields = append(fields, f.FieldPath+" "+f.Order)
		}
		if i.QueryScope != "COLLECTION" {
			t.Errorf("an index of %s has the scope %q", i.CollectionGroup, i.QueryScope)
		}
		indexes = append(indexes, i.CollectionGroup+": "+strings.Join(fields, ", "))
	}
	for _, f := range file.FieldOverrides {
		if len(f.Indexes) != 0 {
			t.Errorf("%s.%s is not exempt from indexes", f.CollectionGroup, f.FieldPath)
		}
		exempt = append(exempt, f.CollectionGroup+"."+f.FieldPath)
		if f.TTL {
			expiring = append(expiring, f.CollectionGroup+"."+f.FieldPath)
		}
	}
	return indexes, exempt, expiring
}

// composite are the composite indexes without which Firestore refuses a query,
// on the rules of firebase.google.com/docs/firestore/query-data/index-overview:
// a single field, and equalities alone, are served by automatic indexes; of
// several equalities with one order, one index each is enough, which are merged.
func composite(q *firestorepb.StructuredQuery) []string {
	equal, ranges := conditions(q.GetWhere())
	var order []string
	direction := firestorepb.StructuredQuery_ASCENDING
	for _, o := range q.GetOrderBy() {
		if direction = o.GetDirection(); o.GetField().GetFieldPath() != "__name__" {
			order = append(order, o.GetField().GetFieldPath()+" "+direction.String())
		}
	}
	slices.Sort(ranges)
	for _, field := range slices.Compact(ranges) { // ordered by, whether the query says so or not
		if field != "__name__" && !slices.ContainsFunc(order, func(o string) bool { return strings.HasPrefix(o, field+" ") }) {
			order = append(order, field+" "+direction.String())
		}
	}
	group := q.GetFrom()[0].GetCollectionId() + ": "
	switch {
	case len(order) == 0, len(order) == 1 && len(equal) == 0:
		return nil
	case len(equal) == 0:
		return []string{group + strings.Join(order, ", ")}
	}
	var needed []string
	for _, field := range equal {
		needed = append(needed, group+field+" ASCENDING, "+strings.Join(order, ", "))
	}
	return needed
}

// conditions are the fields of a filter, by whether they are compared for
// equality or by size.
func conditions(f *firestorepb.StructuredQuery_Filter) (equal, ranges []string) {
	for _, part := range f.GetCompositeFilter().GetFilters() {
		e, r := conditions(part)
		equal, ranges = append(equal, e...), append(ranges, r...)
	}
	if field := f.GetFieldFilter(); field != nil {
		switch field.GetOp() {
		case firestorepb.StructuredQuery_FieldFilter_EQUAL, firestorepb.StructuredQuery_FieldFilter_IN,
			firestorepb.StructuredQuery_FieldFilter_ARRAY_CONTAINS:
			equal = append(equal, field.GetField().GetFieldPath())
		default:
			ranges = append(ranges, field.GetField().GetFieldPath())
		}
	}
	return equal, ranges
}

// listener is a database that remembers what it was asked and given; it counts
// one of everything, and shows none.
type listener struct {
	firestorepb.UnimplementedFirestoreServer
	mu      sync.Mutex
	queries []*firestorepb.StructuredQuery
	stored  map[string]bool // collection.field
}

func (l *listener) heard(q *firestorepb.StructuredQuery) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.queries = append(l.queries, q)
}

func (l *listener) RunQuery(r *firestorepb.RunQueryRequest, s firestorepb.Firestore_RunQueryServer) error {
	l.heard(r.GetStructuredQuery())
	return s.Send(&firestorepb.RunQueryResponse{ReadTime: timestamppb.Now()})
}

func (l *listener) RunAggregationQuery(r *firestorepb.RunAggregationQueryRequest, s firestorepb.Firestore_RunAggregationQueryServer) error {
	l.heard(r.GetStructuredAggregationQuery().GetStructuredQuery())
	answers := map[string]*firestorepb.Value{}
	for _, a := range r.GetStructuredAggregationQuery().GetAggregations() {
		answers[a.GetAlias()] = &firestorepb.Value{ValueType: &firestorepb.Value_IntegerValue{IntegerValue: 1}} // so that the store asks on
	}
	return s.Send(&firestorepb.RunAggregationQueryResponse{Result: &firestorepb.AggregationResult{AggregateFields: answers}})
}

func (l *listener) BeginTransaction(context.Context, *firestorepb.BeginTransactionRequest) (*firestorepb.BeginTransactionResponse, error) {
	return &firestorepb.BeginTransactionResponse{Transaction: []byte("t")}, nil
}

func (l *listener) BatchGetDocuments(r *firestorepb.BatchGetDocumentsRequest, s firestorepb.Firestore_BatchGetDocumentsServer) error {
	for _, name := range r.GetDocuments() {
		if err := s.Send(&firestorepb.BatchGetDocumentsResponse{ReadTime: timestamppb.Now(),
			Result: &firestorepb.BatchGetDocumentsResponse_Missing{Missing: name}}); err != nil {
			return err
		}
	}
	return nil
}

func (l *listener) ListDocuments(context.Context, *firestorepb.ListDocumentsRequest) (*firestorepb.ListDocumentsResponse, error) {
	return &firestorepb.ListDocumentsResponse{}, nil
}

func (l *listener) Commit(_ context.Context, r *firestorepb.CommitRequest) (*firestorepb.CommitResponse, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	response := &firestorepb.CommitResponse{}
	for _, w := range r.GetWrites() {
		response.WriteResults = append(response.WriteResults, &firestorepb.WriteResult{UpdateTime: timestamppb.Now()})
		if doc := w.GetUpdate(); doc != nil {
			path := strings.Split(doc.GetName(), "/")
			for field := range doc.GetFields() {
				l.stored[path[len(path)-2]+"."+field] = true
			}
		}
	}
	return response, nil
}

// listening returns a store on a listener.
func listening(t *testing.T) (*listener, *Store) {
	t.Helper()
	socket, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l, server := &listener{stored: map[string]bool{}}, grpc.NewServer()
	firestorepb.RegisterFirestoreServer(server, l)
	var served sync.WaitGroup
	served.Go(func() {
		if err := server.Serve(socket); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(func() { server.Stop(); served.Wait() })
	return l, New(dial(t, socket.Addr().String()), "app", suiteTime)
}

// ask calls every method of the store, in every form that makes another query.
func ask(t *testing.T, s *Store) {
	t.Helper()
	ctx, at := context.Background(), suiteTime()
	try := func(what string, err error) {
		t.Helper()
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	record := provision.Record{UserID: "u", Email: "e", GoneAt: at, CountSuspendAt: at, CountDeleteAt: at, SuspendDoneAt: at, DeleteDoneAt: at,
		Account: provision.Link{ID: "a", State: provision.AccountActive, LinkedAt: at}, Retries: []provision.Retry{{At: at}},
		Next: &provision.Pending{At: at}, Hold: &provision.Hold{HeldAt: at}, Intent: &provision.Intent{}, Lease: &provision.Lease{Until: at}}
	_, err := s.Commit(ctx, state.Change{Record: record, Events: []provision.Event{{ID: "e", UserID: "u", Name: "n", Time: at}}, EndedLook: "s"})
	try("Commit", err)
	_, err = s.RecordsByAccount(ctx, []string{"a"})
	try("RecordsByAccount", err)
	_, err = s.RecordsByEmail(ctx, "e")
	try("RecordsByEmail", err)
	for _, kind := range []state.SelectionKind{state.SelectAll, state.SelectLinked, state.SelectPending, state.SelectHeld, state.SelectAttention,
		state.SelectRetry, state.SelectGone, state.SelectIntent} {
		for _, before := range []time.Time{{}, at} {
			_, _, err := s.Select(ctx, state.Selection{Kind: kind, Before: before, Limit: 1})
			try("Select "+string(kind), err)
		}
	}
	for _, kind := range []state.CountKind{state.CountRemovals, state.CountActiveAt, state.CountManagedAt, state.CountGone,
		state.CountOpenIntents} {
		for _, operation := range []provision.OperationKind{provision.Suspend, provision.HardDelete} {
			_, err := s.Count(ctx, state.Count{Kind: kind, Operation: operation, Time: at})
			try("Count "+string(kind), err)
		}
	}
	_, err = s.Held(ctx)
	try("Held", err)
	for set := range 16 {
		f := state.EventFilter{Limit: 1}
		for bit, fill := range []func(){func() { f.UserID = "u" }, func() { f.Name = "n" }, func() { f.Outcome = "o" }, func() { f.To = at }} {
			if set&(1<<bit) != 0 {
				fill()
			}
		}
		_, _, err := s.Events(ctx, f)
		try("Events", err)
	}
	try("Append", s.Append(ctx, provision.Event{ID: "e", UserID: "u", Name: "n", Time: at}))
	_, err = s.Usage(ctx, at)
	try("Usage", err)
	_, err = s.countEvents(ctx, []stretch{{until: 1}}) // what Usage asks once there are events
	try("countEvents", err)
	_, err = s.eventNames(ctx)
	try("eventNames", err)
	_, err = s.eventDays(ctx, 0)
	try("eventDays", err)
	try("Expire", s.Expire(ctx, at))
	_, err = s.PutConfiguration(ctx, provision.Configuration{})
	try("PutConfiguration", err)
	_, err = s.PutSweeps(ctx, provision.Sweeps{})
	try("PutSweeps", err)
	try("AddPage", s.AddPage(ctx, "s", 0, []string{"u"}, []string{"u"}))
	_, err = s.Rows(ctx, "s")
	try("Listed", err)
	_, err = s.Looks(ctx, "s")
	try("Looks", err)
	_, err = s.LooksLeft(ctx, "s")
	try("LooksLeft", err)
	try("PutOrphans", s.PutOrphans(ctx, []provision.Orphan{{AccountID: "a"}}))
	_, _, err = s.Orphans(ctx, "", 1)
	try("Orphans", err)
	_, err = s.PutPreview(ctx, provision.Preview{ID: "p", ExpiresAt: at}, []provision.PreviewRow{{Kind: provision.PreviewAdopt}})
	try("PutPreview", err)
	_, _, err = s.PreviewRows(ctx, "p", provision.PreviewAdopt, "", 1)
	try("PreviewRows", err)
	try("ExpirePreviews", s.ExpirePreviews(ctx, at))
	_, err = s.Channels(ctx)
	try("Channels", err)
	try("PutChannel", s.PutChannel(ctx, state.PushChannel{ID: "c"}))
}

// TestIndexes sees that each query has the indexes that it needs, that there
// are no others, and that no field is indexed that no query asks for. The
// emulator would answer without.
func TestIndexes(t *testing.T) {
	t.Parallel()
	l, s := listening(t)
	ask(t, s)
	var needed, unused []string
	used := map[string]bool{}
	for _, q := range l.queries {
		needed = append(needed, composite(q)...)
		equal, ranges := conditions(q.GetWhere())
		for _, o := range q.GetOrderBy() {
			ranges = append(ranges, o.GetField().GetFieldPath())
		}
		for _, field := range slices.Concat(equal, ranges) {
			used[q.GetFrom()[0].GetCollectionId()+"."+field] = true
		}
	}
	for field := range l.stored {
		if !used[field] {
			unused = append(unused, field)
		}
	}
	for field := range used {
		if !l.stored[field] && !strings.HasSuffix(field, ".__name__") {
			t.Errorf("queries ask for %s, which nothing stores", field)
		}
	}
	indexes, exempt, expiring := declared(t)
	sorted := func(list []string) []string {
		return slices.Compact(slices.SortedFunc(slices.Values(list), cmp.Compare))
	}
	if d := diff.Diff(sorted(needed), indexes); d != "" {
		t.Errorf("indexes that queries need, and those declared (-needed +declared):\n%s", d)
	}
	if d := diff.Diff(sorted(unused), exempt); d != "" {
		t.Errorf("fields that no query asks for, and those exempt from indexes (-unused +exempt):\n%s", d)
	}
	if d := diff.Diff([]string{"events." + fieldExpireAt}, expiring); d != "" {
		t.Errorf("fields that Firestore removes documents by (-want +declared):\n%s", d)
	}
}

// overheard checks the queries of a client against the declared indexes.
func overheard(t *testing.T) grpc.DialOption {
	t.Helper()
	indexes, _, _ := declared(t)
	return grpc.WithStreamInterceptor(func(ctx context.Context, desc *grpc.StreamDesc, cc *grpc.ClientConn, method string,
		streamer grpc.Streamer, opts ...grpc.CallOption) (grpc.ClientStream, error) {
		stream, err := streamer(ctx, desc, cc, method, opts...)
		return &heard{stream, func(m any) error {
			var q *firestorepb.StructuredQuery
			switch m := m.(type) {
			case *firestorepb.RunQueryRequest:
				q = m.GetStructuredQuery()
			case *firestorepb.RunAggregationQueryRequest:
				q = m.GetStructuredAggregationQuery().GetStructuredQuery()
			default:
				return nil
			}
			for _, index := range composite(q) {
				if !slices.Contains(indexes, index) {
					return fmt.Errorf("a query needs the index %s", index)
				}
			}
			return nil
		}}, err
	})
}

type heard struct {
	grpc.ClientStream
	check func(any) error
}

func (h *heard) SendMsg(m any) error {
	if err := h.check(m); err != nil {
		return err
	}
	return h.ClientStream.SendMsg(m)
}
