package fault

import (
	"errors"
	"fmt"
	"io"
	"testing"
)

func TestWords(t *testing.T) {
	t.Parallel()
	detailed := &Error{Kind: Invalid, Op: "scim: create user", Detail: "the name is taken", Err: io.EOF}
	for want, err := range map[string]error{
		"the name is taken":            detailed,
		"unexpected EOF":               Wrap(Unavailable, "scim: create user", io.ErrUnexpectedEOF),
		"not found":                    &Error{Kind: NotFound, Op: "state: record"},
		"EOF":                          io.EOF,
		"title: the name is taken":     fmt.Errorf("title: %w", Wrap(Internal, "mapping: apply", detailed)),
		"the name is taken; not found": errors.Join(detailed, &Error{Kind: NotFound}),
		"members: the name is taken; not found (2)": fmt.Errorf("members: %w (2)", errors.Join(detailed, &Error{Kind: NotFound})),
	} {
		if got := Words(err); got != want {
			t.Errorf("%v: %q, want %q", err, got, want)
		}
	}
}

func TestEach(t *testing.T) {
	t.Parallel()
	first, second := &Error{Kind: Invalid, Err: New(NotFound, "", "inner")}, New(Conflict, "", "x")
	list := Each(fmt.Errorf("several: %w", errors.Join(first, fmt.Errorf("then: %w", second), io.EOF)))
	if len(list) != 3 || list[0] != first || list[1] != second || list[2].Kind != Internal || !errors.Is(list[2], io.EOF) {
		t.Errorf("got %v", list)
	}
}
