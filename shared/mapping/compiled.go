package mapping

import (
	"encoding/json"
	"sync"

	"example.com/autoprovision/shared/app"
	"example.com/autoprovision/shared/provision"
)

// Compiled applies the mapping of any configuration of one app, and compiles
// each mapping once. It is safe for concurrent use.
type Compiled struct {
	profile app.Profile

	mu     sync.Mutex
	byText map[string]*Mapping
}

// keepCompiled is how many mappings are kept: the present one, and a few that previews propose.
const keepCompiled = 8

// NewCompiled returns it for an app.
func NewCompiled(profile app.Profile) *Compiled {
	return &Compiled{profile: profile, byText: map[string]*Mapping{}}
}

// Check returns one or more fault.Field errors, joined, for what cannot be saved.
func (c *Compiled) Check(attributes []provision.MappedAttribute) error {
	_, err := Compile(attributes, c.profile.Mandatory(), c.profile.CheckAttribute)
	return err
}

// Apply returns what a configuration's mapping makes of a user; see Mapping.Apply.
func (c *Compiled) Apply(conf provision.Configuration, u provision.User) (provision.Attributes, error) {
	m, err := c.of(conf.Mapping)
	if err != nil {
		return nil, err
	}
	return m.Apply(u)
}

func (c *Compiled) of(attributes []provision.MappedAttribute) (*Mapping, error) {
	text, err := json.Marshal(attributes)
	if err != nil {
		return nil, err
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if m, ok := c.byText[string(text)]; ok {
		return m, nil
	}
	m, err := Compile(attributes, c.profile.Mandatory(), c.profile.CheckAttribute)
	if err != nil {
		return nil, err
	}
	if len(c.byText) >= keepCompiled {
		clear(c.byText)
	}
	c.byText[string(text)] = m
	return m, nil
}
