package mapping

import (
	"fmt"

	"cel.dev/cel-go/cel"
	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/cost"
	"cel.dev/cel-go/common/overloads"
	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
)

const (
	// maxPattern is the most bytes that a regular expression may have. Its size
	// is known only once it is compiled, and a{0,1000} alone compiles to 2,000
	// instructions: 4 KiB of such would take 600 MB.
	maxPattern = 256
	// maxRegex is the most instructions of a compiled regular expression.
	maxRegex = 250
	// searchCost is what a search costs for each byte of its text, in cel-go's
	// units. A byte can take a step for each instruction, where cel-go counts a
	// tenth of a unit.
	searchCost = 8
)

// countSearches makes searches cost what they take.
func countSearches() cel.ProgramOption {
	price := func(args []ref.Val, _ ref.Val) *uint64 {
		text, _ := args[0].(types.String)
		units := uint64(len(text)) * searchCost
		return &units
	}
	return cel.CostTrackerOptions(cost.OverloadTracker(overloads.Matches, price), cost.OverloadTracker(overloads.MatchesString, price))
}

// checkPatterns refuses regular expressions that are not written out in the
// expression: compiled anew each time, those would cost far more than cel-go
// counts for them, and minutes in a loop.
func checkPatterns(parsed *ast.AST) error {
	var problem error
	ast.PostOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if problem != nil || e.Kind() != ast.CallKind || e.AsCall().FunctionName() != overloads.Matches {
			return
		}
		args := e.AsCall().Args() // text.matches(pattern), or matches(text, pattern)
		if len(args) == 0 {
			return // the checker says what is wrong
		}
		pattern := args[len(args)-1]
		if pattern.Kind() == ast.LiteralKind {
			if text, ok := pattern.AsLiteral().(types.String); ok && len(text) <= maxPattern {
				return
			}
		}
		at := parsed.SourceInfo().GetStartLocation(pattern.ID())
		problem = fmt.Errorf(`the expression is wrong at line %d, character %d: write the pattern of matches out, as in matches("^[a-z]+$"), with at most %d bytes`,
			at.Line(), at.Column()+1, maxPattern)
	}))
	return problem
}

// compileChecked parses and checks an expression.
func compileChecked(env *cel.Env, text string) (*cel.Ast, error) {
	parsed, issues := env.Parse(text)
	if issues.Err() != nil {
		return nil, issueError(issues.Errors())
	}
	if err := checkPatterns(parsed.NativeRep()); err != nil { // before the check, which compiles them
		return nil, err
	}
	checked, issues := env.Check(parsed)
	if issues.Err() != nil {
		return nil, issueError(issues.Errors())
	}
	return checked, checkReads(parsed.NativeRep())
}
