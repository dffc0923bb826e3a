// Package rpcfault owns which kind of fault an error of a Google Cloud client is.
//
// It promises one table for every adapter that talks gRPC, and that the text
// an administrator reads says what to do where the adapter knows it. It never
// looks at what was asked.
package rpcfault

import (
	"context"
	"errors"

	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/status"

	"example.com/autoprovision/shared/fault"
)

// Wrap gives an error of a client its kind, unless it has one, by its status
// code (grpc.io/docs/guides/status-codes). details says, by code, what is wrong
// and what to do, for those that a deployment is at fault for.
func Wrap(op string, err error, details map[codes.Code]string) error {
	var has *fault.Error
	if err == nil || errors.As(err, &has) {
		return err
	}
	code := status.Code(err)
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		code = codes.Canceled
	}
	f := &fault.Error{Kind: fault.Internal, Op: op, Detail: details[code], Err: err}
	switch code {
	case codes.Unavailable, codes.DeadlineExceeded, codes.Canceled, codes.Aborted, codes.Internal, codes.Unknown:
		f.Kind = fault.Unavailable
	case codes.ResourceExhausted:
		f.Kind = fault.Throttled
	case codes.InvalidArgument:
		f.Kind = fault.Invalid
	}
	return f
}
