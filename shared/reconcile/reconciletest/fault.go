package reconciletest

import (
	"slices"

	"example.com/autoprovision/shared/fault"
)

// Fault is what is made of the n-th call of a process.
type Fault struct {
	// Call is the number of the call, counted from 1; 0 for none.
	Call int
	// Name counts only the calls of this name; empty for all.
	Name string
	How  How
}

// How a call fails.
type How int

// The ways to fail.
const (
	// Before: the call fails and has no effect.
	Before How = iota
	// After: the call has its effect and is reported failed.
	After
	// CrashBefore and CrashAfter: it is the process's last, without or with its effect.
	CrashBefore
	CrashAfter
)

func (h How) String() string {
	return [...]string{"fails before", "fails after", "crashes before", "crashes after"}[h]
}

// Inject makes one call of the process fail. Calls are counted from here.
func (p *Process) Inject(f Fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.fault, p.calls, p.meets = f, nil, nil
}

// meeting is what happens during one call, before its effect.
type meeting struct {
	call int
	name string
	do   func()
}

// Meet lets something happen right before the effect of the n-th call from Inject on.
func (p *Process) Meet(n int, do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meets = append(p.meets, meeting{call: n, do: do})
}

// MeetNamed does so for the n-th call of a name.
func (p *Process) MeetNamed(name string, n int, do func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.meets = append(p.meets, meeting{call: n, name: name, do: do})
}

// met takes what happens during the call that was counted last.
func (p *Process) met() (list []func()) {
	last := p.calls[len(p.calls)-1]
	named := 0
	for _, name := range p.calls {
		if name == last {
			named++
		}
	}
	for _, m := range p.meets {
		if m.name == "" && m.call == len(p.calls) || m.name == last && m.call == named {
			list = append(list, m.do)
		}
	}
	return list
}

// Calls are the names of the calls since Inject.
func (p *Process) Calls() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return append([]string(nil), p.calls...)
}

func (p *Process) kill() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.gone = true
}

// Dead reports whether the process has crashed.
func (p *Process) Dead() bool {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.gone
}

// enter counts a call, and says how it fails and what happens before its effect.
func (p *Process) enter(name string) (effect, fails bool, first []func()) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.gone {
		return false, true, nil
	}
	p.calls = append(p.calls, name)
	effect, fails = p.fails()
	return effect, fails, p.met()
}

func (p *Process) fails() (effect, fails bool) {
	count, last := len(p.calls), p.calls[len(p.calls)-1]
	if name := p.fault.Name; name != "" {
		if name != last {
			return true, false
		}
		count = len(slices.DeleteFunc(slices.Clone(p.calls), func(other string) bool { return other != name }))
	}
	if p.fault.Call != count {
		return true, false
	}
	p.gone = p.fault.How == CrashBefore || p.fault.How == CrashAfter
	return p.fault.How == After || p.fault.How == CrashAfter, true
}

// call makes one call of a port.
func call[T any](p *Process, name string, do func() (T, error)) (result T, err error) {
	effect, fails, first := p.enter(name)
	for _, do := range first {
		do()
	}
	var none T
	if effect {
		result, err = do()
	}
	if fails {
		return none, fault.New(fault.Unavailable, name, "no answer")
	}
	return result, err
}

// run is call for what returns an error alone.
func run(p *Process, name string, do func() error) error {
	_, err := call(p, name, func() (struct{}, error) { return struct{}{}, do() })
	return err
}
