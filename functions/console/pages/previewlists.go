package pages

import (
	"context"

	"example.com/autoprovision/shared/provision"
)

// previewList is one of the lists of a preview, with how many rows it has.
type previewList struct {
	// Name is what the page's address says.
	Name  string
	Label label
	Count int
	Here  bool
}

// Further lists, beside those that are stored and one for each kind of operation.
const (
	listHeld       = "held"
	listImpossible = "impossible"
	listConflicts  = "conflicts"
	listMoves      = "moves"
)

// previewLists are those of a preview, in the order in which they are shown.
// What is seldom is there only when there is some of it.
func previewLists(p provision.Preview, here string) []previewList {
	operation := func(kind provision.OperationKind, less int) previewList {
		return previewList{Name: string(kind), Label: operationLabel(kind), Count: p.Counts[kind] - less}
	}
	lists := []previewList{{Name: string(provision.PreviewOperations), Label: label{Text: "All"}, Count: p.Lists[provision.PreviewOperations]},
		operation(provision.Create, 0), {Name: string(provision.PreviewAdopt), Label: adoptLabel(), Count: p.Adopted},
		operation(provision.Update, p.Adopted), operation(provision.Unsuspend, 0), operation(provision.Suspend, 0), operation(provision.HardDelete, 0)}
	for _, seldom := range []previewList{{Name: listHeld, Label: label{"Held for you", "warn"}, Count: p.Held},
		{Name: listImpossible, Label: label{"Cannot be computed", "bad"}, Count: p.Impossible},
		{Name: listConflicts, Label: label{"Conflict", "bad"}, Count: p.Conflicts}} {
		if seldom.Count > 0 {
			lists = append(lists, seldom)
		}
	}
	if len(p.Proposal) > 0 {
		lists = append(lists, previewList{Name: listMoves, Label: label{Text: "Deadlines that move"}, Count: p.Moved},
			previewList{Name: string(provision.PreviewFreed), Label: label{Text: "No longer due"}, Count: p.Lists[provision.PreviewFreed]})
	}
	lists = append(lists, previewList{Name: string(provision.PreviewOrphans), Label: label{Text: "Orphans"}, Count: p.Lists[provision.PreviewOrphans]})
	for i := range lists {
		lists[i].Here = lists[i].Name == here
	}
	return lists
}

func adoptLabel() label { return label{"Adopt", "create"} }

// previewRowLabel says what is done.
func previewRowLabel(row provision.PreviewRow) label {
	if row.Adopts {
		return adoptLabel()
	}
	return operationLabel(row.Operation)
}

// inList reports whether an operation belongs to a list.
func inList(list string, row provision.PreviewRow) bool {
	switch list {
	case string(provision.PreviewOperations):
		return true
	case listHeld:
		return row.Held
	case listImpossible:
		return row.Impossible
	case listConflicts:
		return row.Conflict
	case listMoves:
		return row.Moves()
	case string(provision.PreviewAdopt):
		return row.Adopts
	}
	return string(row.Operation) == list && !row.Held && !row.Impossible && !row.Conflict && !row.Adopts
}

// previewScan is how many operations one page goes through at most for a list.
const previewScan = 5000

// previewPart reads one page of a list, all being how many rows it has. next,
// when not empty, goes on from there, also after an empty page.
func (p *Pages) previewPart(ctx context.Context, id, list string, all int, token string) (found []provision.PreviewRow, next string, err error) {
	switch kind := provision.PreviewKind(list); kind {
	case provision.PreviewOperations, provision.PreviewFreed, provision.PreviewOrphans:
		return p.service.PreviewRows(ctx, id, kind, token, pageRows)
	}
	first := token == ""
	for scanned := 0; len(found) < pageRows && scanned < previewScan; scanned += pageRows {
		page, more, err := p.service.PreviewRows(ctx, id, provision.PreviewOperations, token, pageRows)
		if err != nil {
			return nil, "", err
		}
		for _, row := range page {
			if inList(list, row) {
				found = append(found, row)
			}
		}
		if token = more; token == "" || first && len(found) >= all {
			return found, "", nil
		}
	}
	return found, token, nil
}
