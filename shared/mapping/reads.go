package mapping

import (
	"fmt"

	"cel.dev/cel-go/common/ast"
	"cel.dev/cel-go/common/operators"
	"cel.dev/cel-go/common/types"
)

// checkReads refuses an expression that names an attribute of the user which is
// not in a user resource: user.x, has(user.x), user["x"] and their optional
// forms. What it computes, or gives another name to, shows only when it runs.
func checkReads(parsed *ast.AST) error {
	var problem error
	renamed := false // a loop has a variable of its own that is called user
	ast.PostOrderVisit(parsed.Expr(), ast.NewExprVisitor(func(e ast.Expr) {
		if e.Kind() == ast.ComprehensionKind {
			renamed = renamed || e.AsComprehension().IterVar() == "user" || e.AsComprehension().IterVar2() == "user"
		}
		name, ok := readOf(e)
		if !ok || problem != nil {
			return
		}
		if err := checkRoot(name); err != nil {
			at := parsed.SourceInfo().GetStartLocation(e.ID())
			problem = fmt.Errorf("the expression is wrong at line %d, character %d: %w", at.Line(), at.Column()+1, err)
		}
	}))
	if renamed {
		return nil
	}
	return problem
}

// readOf is the name of the user's attribute that a part of an expression reads.
func readOf(e ast.Expr) (name string, ok bool) {
	switch e.Kind() {
	case ast.SelectKind:
		return e.AsSelect().FieldName(), isUser(e.AsSelect().Operand())
	case ast.CallKind:
		args := e.AsCall().Args()
		switch e.AsCall().FunctionName() {
		case operators.Index, operators.OptIndex, operators.OptSelect:
			if len(args) == 2 && isUser(args[0]) && args[1].Kind() == ast.LiteralKind {
				key, isText := args[1].AsLiteral().(types.String)
				return string(key), isText
			}
		}
	}
	return "", false
}

func isUser(e ast.Expr) bool { return e.Kind() == ast.IdentKind && e.AsIdent() == "user" }
