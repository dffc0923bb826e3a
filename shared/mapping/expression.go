package mapping

import (
	"errors"
	"fmt"
	"strings"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/ext"
	"cel.dev/cel-go/interpreter"
)

// Bounds of an expression. cel-go checks cost and size after each call, so
// that one call can go over by what it makes of two texts of the most allowed
// size: replace, the worst, some 64 MB for a moment.
const (
	// maxExpression is the most bytes that an expression may have.
	maxExpression = 4 << 10
	// maxCost is in cel-go's units; some 10 ms.
	maxCost = 100_000
	// maxSize is of any one value on the way, in units of sizeUnit bytes of
	// text: 8 KiB, twice what an attribute may hold.
	maxSize  = 2048
	sizeUnit = 4
	// maxWhole is the greatest whole number that a float64 holds exactly along with all smaller ones.
	maxWhole = 1 << 53
)

// newEnvironment declares what an expression may use.
func newEnvironment() (*cel.Env, error) {
	return cel.NewEnv(
		cel.CustomTypeAdapter(adapter{}),
		cel.Variable("user", cel.MapType(cel.StringType, cel.DynType)),
		cel.OptionalTypes(),
		ext.Strings(),
		cel.ASTValidators(cel.ValidateRegexLiterals(), cel.ValidateTimestampLiterals(), cel.ValidateDurationLiterals()),
		cel.RegexProgramSizeLimit(maxRegex),
	)
}

// compileExpression checks an expression and makes it ready to run.
func compileExpression(env *cel.Env, text string) (cel.Program, error) {
	if len(text) > maxExpression {
		return nil, fmt.Errorf("the expression is longer than %d bytes; shorten it", maxExpression)
	}
	checked, err := compileChecked(env, text)
	if err != nil {
		return nil, err
	}
	if what, ok := unusable(checked.OutputType()); ok {
		return nil, fmt.Errorf("the expression %w", gives(what))
	}
	program, err := env.Program(checked,
		cel.EvalOptions(cel.OptOptimize),
		cel.CustomDecoratorV2(orderLiteral),
		cel.CostLimit(maxCost),
		countSearches(),
		cel.MemoryLimit(maxSize),
		cel.MemoryTracking(types.MemoryTrackerSizeCalculator(
			types.NewSizeCalculator(types.SizeCalculatorStringUnitLength(sizeUnit)))),
	)
	if err != nil {
		return nil, errors.New("the expression cannot be run; look at its constants")
	}
	return program, nil
}

// issueError says where the first problem of an expression is. cel-go's words
// are kept when they cannot hold an address that stands in the expression.
func issueError(issues []*cel.Error) error {
	first := issues[0]
	for _, issue := range issues[1:] {
		if issue.Location.Line() < first.Location.Line() ||
			issue.Location.Line() == first.Location.Line() && issue.Location.Column() < first.Location.Column() {
			first = issue
		}
	}
	where := fmt.Sprintf("line %d, character %d", first.Location.Line(), first.Location.Column()+1)
	message := strings.TrimPrefix(first.Message, "Syntax error: ")
	if strings.Contains(message, "@") || len(message) > 200 {
		message = "this is not a valid expression"
	}
	return fmt.Errorf("the expression is wrong at %s: %s", where, message)
}

// unusable reports whether values of a type can never be an attribute, and what they are in words.
func unusable(t *cel.Type) (what string, ok bool) {
	if t.TypeName() == types.OptionalType.TypeName() {
		t = t.Parameters()[0]
	}
	switch t.Kind() {
	case types.StringKind, types.BoolKind, types.IntKind, types.UintKind, types.DoubleKind, types.DynKind, types.AnyKind:
		return "", false
	}
	return inWords(t.Kind()), true
}

// inWords names a kind of value that is no attribute.
func inWords(kind types.Kind) string {
	switch kind {
	case types.ListKind:
		return "a list"
	case types.MapKind:
		return "a group of values"
	case types.TimestampKind:
		return "a time (string() makes it text)"
	case types.DurationKind:
		return "a duration (string() makes it text)"
	case types.BytesKind:
		return "bytes (string() makes them text)"
	case types.NullTypeKind:
		return "nothing"
	default:
		return "something else"
	}
}

// evaluate runs an expression for one user and returns a value for canonical.
// Its errors say what the expression does, without what it read.
func evaluate(program cel.Program, resource map[string]any) (any, error) {
	out, _, err := program.Eval(map[string]any{"user": resource})
	if err != nil {
		return nil, evalError(err)
	}
	return native(out)
}

// evalError puts an error of cel-go into words. Its own text is not used,
// since a key can be computed from personal data.
func evalError(err error) error {
	var cancelled interpreter.EvalCancelledError
	// The others have no type of their own that could be tested.
	text := err.Error()
	switch {
	case errors.As(err, &cancelled):
		return errors.New("takes too much work, or makes too long a text or list; make it simpler")
	case strings.HasPrefix(text, "no such key"), strings.HasPrefix(text, "index out of bounds"):
		return errors.New(`reads something that this person does not have; ask first, as in has(user.name.givenName), or write user.?name.?givenName.orValue("")`)
	case strings.HasPrefix(text, "no such overload"):
		return errors.New("uses a value in a way that does not fit its kind, such as a list as text, or a whole number with a directory number (write 1.0 for 1)")
	default:
		return errors.New("cannot be computed for this person")
	}
}

// native turns the result of an expression into a value for canonical.
func native(v ref.Val) (any, error) {
	switch v := v.(type) {
	case types.String:
		return string(v), nil
	case types.Bool:
		return bool(v), nil
	case types.Double:
		return float64(v), nil
	case types.Int:
		if v > maxWhole || v < -maxWhole {
			return nil, errInexact
		}
		return float64(v), nil
	case types.Uint:
		if v > maxWhole {
			return nil, errInexact
		}
		return float64(v), nil
	case types.Null:
		return nil, nil
	case *types.Optional:
		if !v.HasValue() {
			return nil, nil
		}
		return native(v.GetValue())
	}
	if t, ok := v.Type().(*types.Type); ok {
		return nil, gives(inWords(t.Kind()))
	}
	return nil, gives("something else")
}

var errInexact = fmt.Errorf("gives a whole number beyond %d, which is not kept exactly; make it text with string()", int64(maxWhole))
