package mapping

import (
	"errors"
	"fmt"
	"strings"
	"sync"

	"cel.dev/cel-go/cel"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/provision"
)

// maxAttributes is above what any app shows, and bounds what compiling costs.
const maxAttributes = 200

// Mapping computes the attributes of an account. It is made by Compile.
type Mapping struct {
	attributes []attribute
	// roots are what decode reads of a resource; nil for all of it.
	roots []string
}

// attribute is one app attribute and its source: program, or path when that is nil.
type attribute struct {
	app       string
	mandatory bool
	path      path
	program   cel.Program
}

// Compile checks a mapping as an administrator wrote it and makes it ready.
// mandatory are the app attributes that must be mapped, and must have a value
// for everybody. allowed says whether the app has an attribute; its error,
// when it has not, says what to do. Names of app attributes are told apart
// without regard to case (RFC 7643 section 2.1).
//
// All problems are in the error, joined, each of them a fault.Invalid with the
// field of the mapping's JSON form, such as attributes[2].expression.
func Compile(attributes []provision.MappedAttribute, mandatory []string, allowed func(app string) error) (*Mapping, error) {
	if len(attributes) > maxAttributes {
		return nil, fault.Field("attributes", "more than %d attributes are mapped: remove some", maxAttributes)
	}
	required := make(map[string]bool, len(mandatory))
	for _, name := range mandatory {
		required[strings.ToLower(name)] = true
	}
	m := &Mapping{attributes: make([]attribute, 0, len(attributes))}
	environment := sync.OnceValues(newEnvironment)
	seen := make(map[string]bool, len(attributes))
	var problems []error
	for i, a := range attributes {
		name := strings.ToLower(a.App)
		if err := checkApp(name, a.App, seen, allowed); err != nil {
			problems = append(problems, fault.Field(fmt.Sprintf("attributes[%d].app", i), "%s", fault.Words(err)))
			continue
		}
		seen[name] = true
		compiled, field, err := compileSource(a, environment)
		if err != nil {
			problems = append(problems, fault.Field(fmt.Sprintf("attributes[%d].%s", i, field), "%s: %v", a.App, err))
			continue
		}
		compiled.app, compiled.mandatory = a.App, required[name]
		m.attributes = append(m.attributes, compiled)
	}
	for _, name := range mandatory {
		if !seen[strings.ToLower(name)] {
			problems = append(problems, fault.Field("attributes",
				"%s: the app requires this attribute; map it to a directory attribute or an expression", name))
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	m.roots = roots(m.attributes)
	return m, nil
}

// checkApp says what is wrong with the app attribute of one row; name is its lower-case form.
func checkApp(name, app string, seen map[string]bool, allowed func(app string) error) error {
	if name == "" {
		return errors.New("choose the app attribute that this row is for")
	}
	root, _, _ := strings.Cut(name, ".")
	switch root {
	case "id", "externalid", "active", "schemas", "meta":
		// externalId holds the directory id (R2); the others are the app's, or are what suspending sets.
		return errors.New("this app attribute is not for a mapping: the app or the provisioning itself sets it; remove the row")
	}
	if err := allowed(app); err != nil {
		if f, ok := errors.AsType[*fault.Error](err); ok && f.Detail != "" { // what it says, without the operation that says it
			return errors.New(f.Detail)
		}
		return err
	}
	if seen[name] {
		return fmt.Errorf("%s: this app attribute is mapped twice; keep one of the two", app)
	}
	return nil
}

// compileSource compiles what a row takes its value from; field is the one at fault with an error.
func compileSource(a provision.MappedAttribute, environment func() (*cel.Env, error)) (compiled attribute, field string, err error) {
	switch {
	case a.Directory != "" && a.Expression != "":
		return attribute{}, "directory", errors.New("give a directory attribute or an expression, not both")
	case a.Expression != "":
		env, err := environment()
		if err != nil {
			return attribute{}, "expression", err
		}
		compiled.program, err = compileExpression(env, a.Expression)
		return compiled, "expression", err
	case a.Directory != "":
		compiled.path, err = parsePath(a.Directory)
		return compiled, "directory", err
	default:
		return attribute{}, "directory", errors.New("choose a directory attribute or write an expression, or remove the row")
	}
}

// Apply computes the attributes of one person's account. An attribute that the
// person has no value for is absent.
//
// It returns fault.Incomplete when the user has no readable resource.
// Otherwise the error holds one fault.Invalid for each attribute that could
// not be computed, and for each mandatory one without a value, joined; their
// Field is the app attribute. There are no attributes with an error, since
// an account must not lose a value to a mistake in an expression.
func (m *Mapping) Apply(user provision.User) (provision.Attributes, error) {
	resource, err := m.decode(user.Resource)
	if err != nil {
		return nil, err
	}
	attributes := make(provision.Attributes, len(m.attributes))
	var problems []error
	for i := range m.attributes {
		value, err := m.attributes[i].value(resource)
		switch {
		case err != nil:
			problems = append(problems, err)
		case value != nil:
			attributes[m.attributes[i].app] = value
		}
	}
	if len(problems) > 0 {
		return nil, errors.Join(problems...)
	}
	return attributes, nil
}

// value computes the attribute; nil, nil when the person has none and needs none.
func (a *attribute) value(resource map[string]any) (any, error) {
	var (
		source = "the directory attribute"
		found  any
		err    error
	)
	if a.program != nil {
		source = "the expression"
		found, err = evaluate(a.program, resource)
	} else {
		found = a.path.find(resource)
	}
	if err == nil {
		found, err = canonical(found)
	}
	switch {
	case err != nil:
		return nil, fault.Field(a.app, "%s: %s %v", a.app, source, err)
	case found == nil && a.mandatory:
		return nil, fault.Field(a.app, "%s: %s gives no value for this person, and the app requires one", a.app, source)
	}
	return found, nil
}
