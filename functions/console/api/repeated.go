package api

import (
	"bytes"
	"encoding/json"
)

// repeated finds a name that an object holds twice, of which encoding/json would
// take the last without a word: a scope of everybody and then of nobody. It
// gives the byte behind it; what is not JSON, the decoder says.
func repeated(data []byte) (at int64, found bool) {
	d := json.NewDecoder(bytes.NewReader(data))
	var open []map[string]bool // the names so far of each object around; nil for a list
	named := false             // the next token is the value of a name
	for {
		token, err := d.Token()
		if err != nil {
			return 0, false
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
		case open[inside][name]:
			return d.InputOffset(), true
		default:
			open[inside][name], named = true, true
		}
	}
}
