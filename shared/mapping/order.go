package mapping

import (
	"slices"

	"cel.dev/cel-go/common/types"
	"cel.dev/cel-go/common/types/ref"
	"cel.dev/cel-go/common/types/traits"
	"cel.dev/cel-go/interpreter"
)

// cel-go walks through the keys of a map in Go's random order, so that an
// expression such as user.map(k, k).join(",") would give another value each
// time, and each look would find an update to make. Here every map that an
// expression can reach, of the resource or written in it, keeps its keys in order.

// ordered is a map that iterates over its keys in ascending order.
type ordered struct{ traits.Mapper }

// Iterator goes through the keys by kind, then by value.
func (m ordered) Iterator() traits.Iterator {
	var keys []ref.Val
	for it := m.Mapper.Iterator(); it.HasNext() == types.True; {
		keys = append(keys, it.Next())
	}
	slices.SortFunc(keys, compareKeys)
	return types.NewRefValList(types.DefaultTypeAdapter, keys).Iterator()
}

// compareKeys orders keys of maps, which are bools, ints, uints or strings.
func compareKeys(a, b ref.Val) int {
	if a.Type() != b.Type() {
		if a.Type().TypeName() < b.Type().TypeName() {
			return -1
		}
		return 1
	}
	if comparer, ok := a.(traits.Comparer); ok {
		if order, ok := comparer.Compare(b).(types.Int); ok {
			return int(order)
		}
	}
	return 0
}

// adapter makes CEL values of what encoding/json decodes.
type adapter struct{}

// NativeToValue implements types.Adapter.
func (a adapter) NativeToValue(v any) ref.Val {
	switch v := v.(type) {
	case map[string]any:
		return ordered{types.NewStringInterfaceMap(a, v)}
	case []any:
		return types.NewDynamicList(a, v)
	}
	return types.DefaultTypeAdapter.NativeToValue(v)
}

// orderLiteral is a decorator of the plan of an expression: it orders the maps that are written in it.
func orderLiteral(i interpreter.InterpretableV2) (interpreter.InterpretableV2, error) {
	if c, ok := i.(interpreter.InterpretableConstructor); ok && c.Type() == types.MapType {
		return orderedLiteral{c}, nil
	}
	return i, nil
}

// orderedLiteral evaluates to an ordered map.
type orderedLiteral struct {
	interpreter.InterpretableConstructor
}

// Exec implements interpreter.InterpretableV2.
func (l orderedLiteral) Exec(frame *interpreter.ExecutionFrame) ref.Val {
	return order(l.InterpretableConstructor.Exec(frame))
}

// Eval implements interpreter.Interpretable.
func (l orderedLiteral) Eval(activation interpreter.Activation) ref.Val {
	return order(l.InterpretableConstructor.Eval(activation))
}

// order makes a map ordered; an error stays what it is.
func order(v ref.Val) ref.Val {
	if m, ok := v.(traits.Mapper); ok {
		return ordered{m}
	}
	return v
}
