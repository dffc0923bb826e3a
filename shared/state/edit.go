package state

import (
	"context"
	"errors"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// ErrUnchanged, returned by an edit, leaves what is stored as it is.
var ErrUnchanged = errors.New("nothing to change")

// EditConfiguration changes the stored configuration, and adds the events that
// edit returns, in one commit. Where somebody else changed it meanwhile, edit is
// called again, on what they stored. An error of edit is returned, and nothing
// stored; ErrUnchanged is none, and changed is false.
func EditConfiguration(ctx context.Context, s Configurations, edit func(*provision.Configuration) ([]provision.Event, error)) (changed bool, err error) {
	return compareAndSet(ctx, s.Configuration, s.PutConfiguration, edit)
}

// EditSources does with the sources what EditConfiguration does with the configuration.
func EditSources(ctx context.Context, s Sources, edit func(*provision.Sources) ([]provision.Event, error)) (changed bool, err error) {
	return compareAndSet(ctx, s.Sources, s.PutSources, edit)
}

// compareAndSet reads, edits and writes until nobody else has written in between.
func compareAndSet[T any](ctx context.Context, read func(context.Context) (T, error),
	write func(context.Context, T, ...provision.Event) (int64, error), edit func(*T) ([]provision.Event, error)) (changed bool, err error) {
	for {
		stored, err := read(ctx)
		if err != nil {
			return false, err
		}
		events, err := edit(&stored)
		if err != nil {
			if errors.Is(err, ErrUnchanged) {
				err = nil
			}
			return false, err
		}
		if _, err := write(ctx, stored, events...); !fault.Is(err, fault.Conflict) {
			return err == nil, err
		}
	}
}
