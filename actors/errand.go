package actors

import (
	"context"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// post is an address with the length of its mailbox, by which those outside the tree wait.
type post struct {
	root *actor.RootContext
	pid  *actor.PID
	box  actor.Mailbox
}

// Mailbox lengths at which a goroutine outside the tree waits before it sends more.
const (
	channelRoom = 1024 // messages of a Reader at a Channel
	socketRoom  = 64   // frames a Reader has given to its Socket and that are not passed on yet
	rowsRoom    = 4    // small batches of rows of an Engine at a Channel; it takes large ones one by one
)

func (p *post) send(m any) { p.root.Send(p.pid, m) }

// wait blocks while more than limit messages are queued, or until gone is true. It polls: it is reached only
// under overload, and a condition would cost every message.
func (p *post) wait(limit int, gone func() bool) {
	for p.box != nil && p.box.UserMessageCount() > limit && !gone() {
		pause(200 * time.Microsecond)
	}
}

// boxed is a behaviour that looks at the length of its own mailbox; it is given it before it starts.
type boxed interface{ take(box actor.Mailbox) }

// spawn starts b as a child of c and gives its post.
func (s *System) spawn(c actor.Context, name, kind string, b behaviour) (*post, error) {
	var box actor.Mailbox
	props := s.props(kind, b, actor.WithMailbox(func() actor.Mailbox {
		box = actor.Unbounded()()
		if o, ok := b.(boxed); ok {
			o.take(box)
		}
		return box
	}))
	pid, err := c.SpawnNamed(props, name)
	if err != nil {
		return nil, fmt.Errorf("spawn %s: %w", name, err)
	}
	return &post{root: s.sys.Root, pid: pid, box: box}, nil
}

// errand runs work off the tree, with a deadline, and brings its result home as a message to the actor that sent
// it. The goroutine ends with the work, at the latest when the deadline or the actor's life is over.
func (s *System) errand(life context.Context, home *actor.PID, limit time.Duration, work func(context.Context) any) {
	go func() {
		ctx, cancel := context.WithTimeout(life, limit)
		defer cancel()
		if m := work(ctx); m != nil {
			s.sys.Root.Send(home, m)
		}
	}()
}

// later sends m to an actor after d. The timer is not kept: the actor must be able to ignore m.
func (s *System) later(home *actor.PID, d time.Duration, m any) *time.Timer {
	return time.AfterFunc(d, func() { s.sys.Root.Send(home, m) })
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }

// pause sleeps. Only those outside the tree may: readers and feeds that wait for a full mailbox.
func pause(d time.Duration) { time.Sleep(d) } //nolint:forbidigo // polling costs nothing until there is overload
