package state

import (
	"context"
	"iter"

	"example.com/autoprovision/shared/provision"
)

// maxPage is the largest Selection.Limit.
const maxPage = 500

// Pages goes through the pages of a selection, the largest there are unless its
// Limit says otherwise. An error ends it, beside no records.
func Pages(ctx context.Context, r Records, sel Selection) iter.Seq2[[]provision.Record, error] {
	if sel.Limit == 0 {
		sel.Limit = maxPage
	}
	return func(yield func([]provision.Record, error) bool) {
		for {
			page, next, err := r.Select(ctx, sel)
			if !yield(page, err) || err != nil || next == "" {
				return
			}
			sel.Token = next
		}
	}
}
