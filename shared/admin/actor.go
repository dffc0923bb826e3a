package admin

import "context"

type actorKey struct{}

// As returns a context in which a person acts, by their directory id: the events
// of what is done under it name them (R14). An empty id names nobody, where
// there is one administrator for all.
func As(ctx context.Context, person string) context.Context {
	return context.WithValue(ctx, actorKey{}, person)
}

// by is what an event says of who did something, after what was done.
func by(ctx context.Context) string {
	if person, _ := ctx.Value(actorKey{}).(string); person != "" {
		return ", by " + person
	}
	return ""
}
