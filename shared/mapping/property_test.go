package mapping_test

import (
	"encoding/json"
	"fmt"
	"math"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/text/unicode/norm"
	"pgregory.net/rapid"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/mapping"
	"example.com/autoprovision/shared/provision"
)

// names are met by the sources below, so that drawn resources reach every branch.
var names = []string{"primaryEmail", "name", "givenName", "organizations", "phones", "title", "value", "type",
	"customType", "primary", "work", "customSchemas", "Employment", "level", "0", "1"}

// sources are paths and expressions over names, each kind of step and of result among them.
var sources = []provision.MappedAttribute{
	directory("a", "primaryEmail"),
	directory("b", "name.givenName"),
	directory("c", "organizations.primary.title"),
	directory("d", "organizations.1.title"),
	directory("e", "phones.work.value"),
	directory("f", "customSchemas.Employment.level"),
	expression("g", `user.?name.?givenName`),
	expression("h", `user.name.givenName + " " + user.primaryEmail`),
	expression("i", `user.organizations[0].title`),
	expression("j", `user.organizations.filter(o, o.primary == true).map(o, o.title).join(",")`),
	expression("k", `user.map(k, k).join(",")`),
	expression("l", `user.phones.map(p, p.map(k, k).join("/")).join(",")`),
	expression("m", `user.customSchemas.Employment.level > 3`),
	expression("n", `user.name == user.phones`),
	expression("o", `dyn({"b": user.name, "a": user.phones}).map(k, k).join("")`),
	expression("p", `user.primaryEmail.matches("^(a|[a-z.]+)@")`),
	expression("q", `user.primaryEmail.format([user.name, user.phones])`),
}

// text draws texts with what normalising changes and with what trims to nothing.
func text() *rapid.Generator[string] {
	return rapid.OneOf(
		rapid.SampledFrom([]string{"", " ", "work", "true", "e\u0301", "\u00a0x\u2003", "\x00", "(", "%s", "%.99f", strings.Repeat("a", 5000)}),
		rapid.String(),
	)
}

// anyJSON draws any JSON value of up to depth levels.
func anyJSON(depth int) *rapid.Generator[any] {
	scalar := rapid.OneOf(
		rapid.Just[any](nil), rapid.Bool().AsAny(), text().AsAny(),
		rapid.Float64Range(-math.MaxFloat64, math.MaxFloat64).AsAny(), rapid.IntRange(-2, 2).AsAny(),
	)
	if depth == 0 {
		return scalar
	}
	name := rapid.OneOf(rapid.SampledFrom(names), rapid.SampledFrom(names), text())
	return rapid.OneOf(
		scalar,
		rapid.SliceOfN(anyJSON(depth-1), 0, 4).AsAny(),
		rapid.MapOfN(name, anyJSON(depth-1), 0, 8).AsAny(),
	)
}

// resource draws a user resource: mostly an object with known names, in the right or in a wrong form.
func resource() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		object := rapid.MapOfN(rapid.SampledFrom(names), anyJSON(3), 0, 8).AsAny()
		data, err := json.Marshal(rapid.OneOf(object, object, anyJSON(3)).Draw(t, "resource"))
		if err != nil {
			t.Fatalf("marshal: %v", err)
		}
		return string(data)
	})
}

// errorer is what *testing.T, *testing.F and *rapid.T have in common here.
type errorer interface {
	Helper()
	Errorf(format string, args ...any)
}

// checkValues fails unless each value is in its one form, and each error one of the two kinds.
func checkValues(t errorer, values []mapping.Value, err error) {
	t.Helper()
	if err != nil && !fault.Is(err, fault.Incomplete) {
		t.Errorf("preview: %v is not incomplete", err)
	}
	for _, v := range values {
		if v.Err != nil {
			if !fault.Is(v.Err, fault.Invalid) || v.Value != nil {
				t.Errorf("%s: value %v, error %v", v.App, v.Value, v.Err)
			}
			continue
		}
		switch value := v.Value.(type) {
		case nil, bool:
		case float64:
			if math.IsNaN(value) || math.IsInf(value, 0) {
				t.Errorf("%s: %v", v.App, value)
			}
		case string:
			if value == "" || value != strings.TrimSpace(value) || !norm.NFC.IsNormalString(value) || len(value) > 4096 {
				t.Errorf("%s: %q is not in canonical form", v.App, value)
			}
		default:
			t.Errorf("%s: value of type %T", v.App, value)
		}
	}
}

// Whatever the directory sends, preview and apply agree, values are canonical, and nothing panics.
func TestAnyResource(t *testing.T) {
	t.Parallel()
	m := compile(t, nil, sources...)
	rapid.Check(t, func(t *rapid.T) {
		u := user(resource().Draw(t, "resource"))
		values, err := m.Preview(u)
		checkValues(t, values, err)
		attributes, applyErr := m.Apply(u)
		want := provision.Attributes{}
		problem := err != nil
		for _, v := range values {
			problem = problem || v.Err != nil
			if v.Value != nil {
				want[v.App] = v.Value
			}
		}
		if problem != (applyErr != nil) || problem && attributes != nil {
			t.Fatalf("preview has a problem: %v; Apply = %v, %v", problem, attributes, applyErr)
		}
		if !problem {
			if diff := cmp.Diff(want, attributes); diff != "" {
				t.Fatalf("preview and apply differ (-preview +apply):\n%s", diff)
			}
		}
	})
}

// Paths give the same whether the whole resource is decoded or only what they need.
func TestExpressionChangesNoPath(t *testing.T) {
	t.Parallel()
	const paths = 6
	alone := compile(t, nil, sources[:paths]...)
	beside := compile(t, nil, sources...)
	rapid.Check(t, func(t *rapid.T) {
		u := user(resource().Draw(t, "resource"))
		want, errAlone := alone.Preview(u)
		got, errBeside := beside.Preview(u)
		if (errAlone != nil) != (errBeside != nil) {
			t.Fatalf("errors %v and %v", errAlone, errBeside)
		}
		if errAlone != nil {
			return
		}
		for i := range want {
			if want[i].Value != got[i].Value || (want[i].Err != nil) != (got[i].Err != nil) {
				t.Errorf("%s: alone %v, beside expressions %v", want[i].App, want[i], got[i])
			}
		}
	})
}

// The same person gives the same values each time, also when many are computed
// at once; under the race detector this finds shared state.
func TestConcurrentAndDeterministic(t *testing.T) {
	t.Parallel()
	m := compile(t, nil, sources...)
	rapid.Check(t, func(t *rapid.T) {
		u := user(resource().Draw(t, "resource"))
		const workers = 4
		var texts [workers]string
		var group sync.WaitGroup
		for i := range workers {
			group.Go(func() { texts[i] = printed(m.Preview(u)) })
		}
		group.Wait()
		for _, other := range texts[1:] {
			if diff := cmp.Diff(texts[0], other); diff != "" {
				t.Fatalf("two results for one resource:\n%s", diff)
			}
		}
	})
}

// printed is a preview as text, with errors by their text.
func printed(values []mapping.Value, err error) string {
	var b strings.Builder
	if err != nil {
		b.WriteString(err.Error())
	}
	for _, v := range values {
		fmt.Fprintf(&b, "%s=%#v", v.App, v.Value)
		if v.Err != nil {
			b.WriteString(v.Err.Error())
		}
		b.WriteString("\n")
	}
	return b.String()
}
