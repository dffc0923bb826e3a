package push

import (
	"context"
	"testing"

	"example.com/autoprovision/shared/directory"
	"example.com/autoprovision/shared/fault"
)

// garbled is a directory that opens channels and whose answer cannot be read.
type garbled struct{ directory.Watcher }

func (g garbled) Watch(ctx context.Context, id, event, address, token string) (directory.Channel, error) {
	if _, err := g.Watcher.Watch(ctx, id, event, address, token); err != nil {
		return directory.Channel{}, err
	}
	return directory.Channel{}, fault.New(fault.Incomplete, "test: watch", "the answer cannot be read")
}

// What comes through a channel that may be open is heard, whatever the answer said.
func TestAnswerThatCannotBeRead(t *testing.T) {
	t.Parallel()
	w := newWorld(t)
	w.Watcher = garbled{w.Watcher}
	if err := w.Renew(t.Context()); err == nil {
		t.Error("that the channel may not be open is no error")
	}
	w.wantChannels("channel-1", "")
	w.must(w.Receive(t.Context(), w.message("channel-1")))
	if len(w.queue.tasks) != 2 {
		t.Errorf("%d tasks, want a look and a second one", len(w.queue.tasks))
	}
}
