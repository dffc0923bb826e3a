package mapping

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"example.com/autoprovision/shared/provision"
)

// Bounds of a path; the longest useful one, into a custom schema, has three parts.
const (
	maxPathLength = 256
	maxPathParts  = 8
	maxIndex      = 999
)

// primary chooses the entry of a list that is marked as primary, else the first.
const primary = "primary"

// path is where a value lies in a user resource, from the outside inwards.
type path []step

// step is one part of a path: the name of a member of an object, or the entry of a list.
type step struct {
	name string
	// index is the position that name stands for on a list; -1 when it is no number.
	index int
}

// parsePath reads a path as the package comment describes it. Its errors do
// not repeat the path, which could be anything that somebody pasted.
func parsePath(text string) (path, error) {
	if len(text) > maxPathLength {
		return nil, fmt.Errorf("the directory attribute is longer than %d characters", maxPathLength)
	}
	names := strings.Split(text, ".")
	if len(names) > maxPathParts {
		return nil, fmt.Errorf("the directory attribute has more than %d parts", maxPathParts)
	}
	p := make(path, len(names))
	for i, name := range names {
		if !validName(name) {
			return nil, errors.New("write the directory attribute as names joined by dots, such as name.givenName, " +
				"organizations.primary.title or phones.work.value; other characters need an expression")
		}
		index, err := parseIndex(name)
		if err != nil {
			return nil, err
		}
		p[i] = step{name: name, index: index}
	}
	if err := checkRoot(p[0].name); err != nil {
		return nil, err
	}
	return p, nil
}

func validName(name string) bool {
	if name == "" {
		return false
	}
	for _, c := range []byte(name) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '_', c == '-':
		default:
			return false
		}
	}
	return true
}

// parseIndex returns the position that a name stands for; -1 when it is not all digits.
func parseIndex(name string) (int, error) {
	if strings.Trim(name, "0123456789") != "" {
		return -1, nil
	}
	n, err := strconv.Atoi(name)
	if err != nil || n > maxIndex || strconv.Itoa(n) != name {
		return 0, fmt.Errorf("a position in a list is written as a number from 0 to %d without leading zeros", maxIndex)
	}
	return n, nil
}

// checkRoot refuses a top-level attribute that is not in a user resource. A
// misspelt one, or one that the directory is not asked for, would map nobody's
// value without a word, and take it from those who have one.
func checkRoot(name string) error {
	if slices.Contains(provision.ResourceAttributes(), name) {
		return nil
	}
	return fmt.Errorf("there is no user attribute %q to map; look at its spelling and its capital letters", name)
}

// find returns what lies at the path; nil when there is nothing.
func (p path) find(resource map[string]any) any {
	var at any = resource
	for _, s := range p {
		switch within := at.(type) {
		case map[string]any:
			at = within[s.name]
		case []any:
			at = s.entry(within)
		default:
			return nil
		}
	}
	return at
}

// entry returns the entry of a list that the step chooses; nil when there is none.
func (s step) entry(list []any) any {
	if s.index >= 0 {
		if s.index < len(list) {
			return list[s.index]
		}
		return nil
	}
	for _, e := range list {
		member, _ := e.(map[string]any)
		if s.name == primary && member[primary] == true ||
			s.name != primary && (member["type"] == s.name || member["customType"] == s.name) {
			return e
		}
	}
	if s.name == primary && len(list) > 0 {
		return list[0]
	}
	return nil
}
