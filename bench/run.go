package bench

import (
	"context"
	"fmt"
)

// Run carries out o.Scenario against t. When ctx ends it stops early and returns what it has measured so far; an error means
// that there is nothing to return.
func Run(ctx context.Context, o Options, t *Target) (*Result, error) {
	sc, err := findScenario(o.Scenario)
	if err != nil {
		return nil, err
	}
	o.fill(sc.defaults)
	if err := o.check(t.peer != nil); err != nil {
		return nil, err
	}
	s, err := newSession(ctx, o, t)
	if err != nil {
		return nil, err
	}
	defer s.close()
	if err := sc.run(s); err != nil {
		return nil, fmt.Errorf("%s on %s: %w", o.Scenario, t.Name, err)
	}
	return s.res, nil
}
