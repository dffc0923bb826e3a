package simworkspace

import (
	"encoding/json"
	"errors"
	"strings"
)

// object is a JSON object whose keys keep their order. Values are objects,
// lists of objects, raw JSON, or anything that encoding/json takes.
type object []field

type field struct {
	key   string
	value any
}

// with appends a key unless the value is empty, as Google's answers leave out empty ones.
func (o object) with(key string, value any) object {
	switch v := value.(type) {
	case string:
		if v == "" {
			return o
		}
	case []string:
		if len(v) == 0 {
			return o
		}
	case []object:
		if len(v) == 0 {
			return o
		}
	case json.RawMessage:
		if len(v) == 0 {
			return o
		}
	}
	return append(o, field{key, value})
}

// mask selects fields of an answer; nil selects everything.
type mask map[string]mask

func (m mask) sub(key string) (mask, bool) {
	if m == nil {
		return nil, true
	}
	if sub, ok := m[key]; ok {
		return sub, true
	}
	sub, ok := m["*"]
	return sub, ok
}

// appendJSON appends the selected part of value, so that what a partial
// response leaves out is not encoded either.
func (m mask) appendJSON(dst []byte, value any) ([]byte, error) {
	switch v := value.(type) {
	case object:
		dst = append(dst, '{')
		first := true
		for _, f := range v {
			sub, ok := m.sub(f.key)
			if !ok {
				continue
			}
			if !first {
				dst = append(dst, ',')
			}
			first = false
			dst = append(append(append(dst, '"'), f.key...), '"', ':')
			var err error
			if dst, err = sub.appendJSON(dst, f.value); err != nil {
				return nil, err
			}
		}
		return append(dst, '}'), nil
	case []object:
		dst = append(dst, '[')
		for i, o := range v {
			if i > 0 {
				dst = append(dst, ',')
			}
			var err error
			if dst, err = m.appendJSON(dst, o); err != nil {
				return nil, err
			}
		}
		return append(dst, ']'), nil
	case string:
		if isPlain(v) {
			return append(append(append(dst, '"'), v...), '"'), nil
		}
	case json.RawMessage:
		if m == nil {
			return append(dst, v...), nil
		}
		var decoded any
		if err := json.Unmarshal(v, &decoded); err != nil {
			return nil, err
		}
		value = m.pick(decoded)
	}
	data, err := json.Marshal(value)
	return append(dst, data...), err
}

// isPlain reports whether a string needs no escaping in JSON; most don't, and listings are made of them.
func isPlain(s string) bool {
	for i := range len(s) {
		if c := s[i]; c < ' ' || c > '~' || c == '"' || c == '\\' {
			return false
		}
	}
	return true
}

// pick selects from decoded JSON.
func (m mask) pick(value any) any {
	switch v := value.(type) {
	case map[string]any:
		out := map[string]any{}
		for key, inner := range v {
			if sub, ok := m.sub(key); ok {
				out[key] = sub.pick(inner)
			}
		}
		return out
	case []any:
		for i := range v {
			v[i] = m.pick(v[i])
		}
	}
	return value
}

var errFields = errors.New("invalid field selection")

// parseFields reads the fields parameter, such as "nextPageToken,users(id,name/fullName)"
// (https://developers.google.com/workspace/admin/directory/v1/guides/performance#partial).
func parseFields(text string) (mask, error) {
	if text == "" {
		return nil, nil
	}
	m, rest, err := parseList(text)
	if err != nil || rest != "" {
		return nil, errFields
	}
	return m, nil
}

func parseList(text string) (mask, string, error) {
	m := mask{}
	for {
		rest, err := parsePath(m, text)
		if err != nil {
			return nil, "", err
		}
		if !strings.HasPrefix(rest, ",") {
			return m, rest, nil
		}
		text = rest[1:]
	}
}

// parsePath reads one of a, a/b and a(b,c) into m.
func parsePath(m mask, text string) (rest string, _ error) {
	text = strings.TrimSpace(text)
	end := strings.IndexAny(text, ",/()")
	if end < 0 {
		end = len(text)
	}
	name := strings.TrimSpace(text[:end])
	if name == "" {
		return "", errFields
	}
	rest = text[end:]
	sub, listed := m[name]
	switch {
	case strings.HasPrefix(rest, "/"):
		inner := mask{}
		rest, err := parsePath(inner, rest[1:])
		m.add(name, inner, sub, listed)
		return rest, err
	case strings.HasPrefix(rest, "("):
		inner, rest, err := parseList(rest[1:])
		if err != nil || !strings.HasPrefix(rest, ")") {
			return "", errFields
		}
		m.add(name, inner, sub, listed)
		return strings.TrimSpace(rest[1:]), nil
	}
	m[name] = nil
	return rest, nil
}

// add merges inner into what is selected of name already.
func (m mask) add(name string, inner, sub mask, listed bool) {
	if listed && sub == nil {
		return // all of it is selected
	}
	if sub == nil {
		sub = mask{}
	}
	for key, value := range inner {
		sub[key] = value
	}
	m[name] = sub
}
