package mapping

import "example.com/autoprovision/shared/provision"

// Value is what one app attribute is for one person.
type Value struct {
	App string
	// Value is a string, a bool or a float64; nil when there is none, and with Err.
	Value any
	// Err is fault.Invalid and says in words for an administrator why there is no value.
	Err error
}

// Preview computes each attribute by itself, in the order of the mapping, so that
// tests see of each what Apply says of all.
func (m *Mapping) Preview(user provision.User) ([]Value, error) {
	resource, err := m.decode(user.Resource)
	if err != nil {
		return nil, err
	}
	values := make([]Value, len(m.attributes))
	for i := range m.attributes {
		value, err := m.attributes[i].value(resource)
		values[i] = Value{App: m.attributes[i].app, Value: value, Err: err}
	}
	return values, nil
}
