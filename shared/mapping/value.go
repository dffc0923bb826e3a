package mapping

import (
	"errors"
	"fmt"
	"math"
	"strings"

	"golang.org/x/text/unicode/norm"
)

// maxValue is the most bytes that a text value may have. The longest that the
// directory's own fields hold are far below it.
const maxValue = 4 << 10

// canonical turns a value of the directory or of an expression into its one
// form as an attribute: trimmed text in Unicode NFC, a bool, or a finite
// float64; nil for none and for empty text. Its error says what the source gives instead.
func canonical(v any) (any, error) {
	switch v := v.(type) {
	case nil, bool:
		return v, nil
	case float64:
		if math.IsNaN(v) || math.IsInf(v, 0) {
			return nil, errors.New("gives something that is not a number")
		}
		return v, nil
	case string:
		if len(v) > maxValue {
			return nil, errTooLong
		}
		text := norm.NFC.String(strings.TrimSpace(strings.ToValidUTF8(v, "\uFFFD")))
		if len(text) > maxValue {
			return nil, errTooLong
		}
		if text == "" {
			return nil, nil
		}
		return text, nil
	case []any:
		return nil, gives("a list")
	default:
		return nil, gives("a group of values")
	}
}

var errTooLong = fmt.Errorf("gives a text longer than %d bytes", maxValue)

// gives is the error of a source that gives something no attribute can hold.
func gives(what string) error {
	return fmt.Errorf("gives %s, and an app attribute takes one text, number or yes/no value", what)
}
