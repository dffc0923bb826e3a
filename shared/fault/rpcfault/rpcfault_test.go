package rpcfault_test

import (
	"context"
	"errors"
	"fmt"
	"testing"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/fault/rpcfault"
)

func TestKinds(t *testing.T) {
	t.Parallel()
	details := map[codes.Code]string{codes.PermissionDenied: "give it the role"}
	for name, test := range map[string]struct {
		err    error
		kind   fault.Kind
		detail string
	}{
		"not there for now":       {status.Error(codes.Unavailable, "x"), fault.Unavailable, ""},
		"too many":                {status.Error(codes.ResourceExhausted, "x"), fault.Throttled, ""},
		"senseless":               {status.Error(codes.InvalidArgument, "x"), fault.Invalid, ""},
		"a deployment at fault":   {status.Error(codes.PermissionDenied, "x"), fault.Internal, "give it the role"},
		"the caller went away":    {fmt.Errorf("rpc: %w", context.Canceled), fault.Unavailable, ""},
		"out of time":             {fmt.Errorf("rpc: %w", context.DeadlineExceeded), fault.Unavailable, ""},
		"no status":               {errors.New("x"), fault.Unavailable, ""},
		"one that has its kind":   {fault.New(fault.Conflict, "first", "moved"), fault.Conflict, "moved"},
		"one that has it, deeper": {fmt.Errorf("again: %w", fault.New(fault.NotFound, "first", "none")), fault.NotFound, "none"},
	} {
		err := rpcfault.Wrap("op", test.err, details)
		var f *fault.Error
		if !errors.As(err, &f) || f.Kind != test.kind || f.Detail != test.detail || !errors.Is(err, test.err) {
			t.Errorf("%s: %#v", name, err)
		}
	}
	if err := rpcfault.Wrap("op", nil, nil); err != nil {
		t.Errorf("no error: %v", err)
	}
}
