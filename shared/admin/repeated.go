package admin

import (
	"bytes"
	"encoding/json"
	"strings"
	"unicode"
)

// Repeated finds a name that an object holds twice, of which encoding/json would
// take the last without a word: a scope of everybody and then of nobody. It takes
// a name in another case for the same, so that a name counts here as it does
// there. at is the byte behind it; what is not JSON, the decoder says.
func Repeated(data []byte) (name string, at int64, found bool) {
	d := json.NewDecoder(bytes.NewReader(data))
	var open []map[string]bool // the names so far of each object around, folded; nil for a list
	named := false             // the next token is the value of a name
	for {
		token, err := d.Token()
		if err != nil {
			return "", 0, false
		}
		name, isText := token.(string)
		switch inside := len(open) - 1; {
		case token == json.Delim('{'):
			open, named = append(open, map[string]bool{}), false
		case token == json.Delim('['):
			open, named = append(open, nil), false
		case token == json.Delim('}'), token == json.Delim(']'):
			open, named = open[:inside], false
		case named || inside < 0 || open[inside] == nil || !isText:
			named = false
		case open[inside][folded(name)]:
			return name, d.InputOffset(), true
		default:
			open[inside][folded(name)], named = true, true
		}
	}
}

// folded is the same text for all names that encoding/json takes for one: those
// that strings.EqualFold does.
func folded(name string) string {
	return strings.Map(func(r rune) rune {
		for {
			next := unicode.SimpleFold(r)
			if next <= r {
				return next // the smallest of those that are the same
			}
			r = next
		}
	}, name)
}
