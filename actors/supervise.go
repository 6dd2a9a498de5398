package actors

import (
	"errors"
	"log/slog"
	"runtime/debug"

	"github.com/asynkron/protoactor-go/actor"

	"realtime/protocol/codes"
)

// behaviour is what an actor of this package is made of: receive is its type switch, crashed tells those who
// depend on it that it is gone. After crashed the actor is given nothing but what late handles.
type behaviour interface {
	receive(c actor.Context)
	crashed(c actor.Context)
}

// late is a behaviour that must still answer some messages between its crash and its end, so that nobody who
// asked waits for ever. Its parent ends it.
type late interface{ afterCrash(c actor.Context) }

// supervised runs a behaviour and recovers its panics: the stack is logged, the panic counted, dependants are
// told, and the actor ends. It never restarts with half a state.
type supervised struct {
	s    *System
	kind string
	b    behaviour
	dead bool
}

// props makes the properties of an actor of the given kind. Actors of which there are very many share theirs, with no behaviour: each
// finds it in its first message.
func (s *System) props(kind string, b behaviour, o ...actor.PropsOption) *actor.Props {
	return actor.PropsFromProducer(func() actor.Actor { return &supervised{s: s, kind: kind, b: b} }, append(o, actor.WithDispatcher(dispatcher{}))...)
}

// Receive implements actor.Actor.
func (a *supervised) Receive(c actor.Context) {
	if a.b == nil {
		a.b, _ = c.Message().(behaviour)
		return
	}
	if a.dead {
		if l, ok := a.b.(late); ok {
			l.afterCrash(c)
		}
		return
	}
	defer func() {
		if v := recover(); v != nil {
			a.crash(c, v)
		}
	}()
	a.b.receive(c)
}

func (a *supervised) crash(c actor.Context, v any) {
	a.dead = true
	a.s.metrics.panics.WithLabelValues(a.kind).Inc()
	a.s.log.Error("actor panicked", "actor", c.Self().Id, "panic", describe(v), "stack", string(debug.Stack()))
	func() {
		defer func() {
			if v := recover(); v != nil {
				a.s.log.Error("actor panicked while ending", "actor", c.Self().Id, "panic", describe(v))
			}
		}()
		a.b.crashed(c)
	}()
	if _, ok := a.b.(late); !ok {
		c.Stop(c.Self())
	}
}

// describe names a panic without printing values that may hold a payload: runtime errors and errors in full,
// anything else by its type.
func describe(v any) slog.Value {
	if err, ok := v.(error); ok {
		return slog.StringValue(err.Error())
	}
	if s, ok := v.(string); ok {
		return slog.StringValue(s)
	}
	return slog.StringValue("not an error")
}

// unhandled logs a message nobody wrote a case for.
func (s *System) unhandled(c actor.Context) {
	switch c.Message().(type) {
	case *actor.Started, *actor.Stopping, *actor.Stopped, *actor.Restarting, *actor.Terminated, actor.AutoReceiveMessage, actor.SystemMessage:
	default:
		s.log.Error("message of an unknown kind", "code", string(codes.UnhandledProcessMessage), "actor", c.Self().Id, "type", typeName(c.Message()))
	}
}

// stopAlways is the strategy of guardians: what fails past recovery is stopped, never restarted.
func stopAlways() actor.SupervisorStrategy {
	return actor.NewOneForOneStrategy(0, 0, func(any) actor.Directive { return actor.StopDirective })
}

var errDraining = errors.New("the server is shutting down")
