package actors

import (
	"github.com/asynkron/protoactor-go/actor"

	"realtime/postgres"
	"realtime/postgres/changes"
	"realtime/postgres/wal"
	"realtime/protocol/codes"
	"realtime/tenancy"
)

// changesFeed is the feed whose taker is an Engine.
type changesFeed struct {
	*feed
	pace    *pacer
	engines *engineFigures
}

func newChangesFeed(s *System, t *tenancy.Tenant, parent *actor.PID, p *place, n *counts) changesFeed {
	f := changesFeed{pace: &pacer{}, engines: &engineFigures{tenant: t.ExternalID}}
	f.feed = newFeed(s, t, parent, p, spec{
		name:   "changes",
		source: func(db tenancy.Database) (string, string) { return db.Slot, db.Publication },
		open:   wal.Open,
		taker:  func(db tenancy.Database) taker { return f.engine(db) },
		code:   changesCode, figures: &n.figures.poller, collect: f.engines.collect,
	})
	return f
}

// changesCode goes by upstream's names for the trouble of its poller.
func changesCode(err error, ran bool) codes.Code {
	switch code := codes.Of(err).Code; {
	case code == codes.ErrorStartingPostgresCDC:
		return code
	case ran:
		return codes.PoolingReplicationError
	case postgres.IsConnection(err):
		return codes.ReplicationPollerConnectionFailed
	}
	return codes.PoolingReplicationPreparationError
}

func (f changesFeed) engine(db tenancy.Database) *changes.Engine {
	return f.engines.next(changes.New(changes.Options{
		Settings: db.Settings.WithApplication("realtime_changes"), Publication: db.Publication,
		MaxRecordBytes: db.MaxRecordBytes, Log: f.log, Answer: f.answer, Deliver: f.deliver, Notice: f.notice,
	}))
}

func (f changesFeed) receive(c actor.Context) {
	switch m := c.Message().(type) {
	case *subscribe:
		if f.run != nil {
			f.run.taker.(*changes.Engine).Subscribe(m.sub)
		}
	case *unsubscribe:
		if f.run != nil {
			f.run.taker.(*changes.Engine).Unsubscribe(m.m)
		}
	default:
		f.feed.receive(c)
	}
}

// The Engine calls these on its goroutine.
func (f changesFeed) answer(a changes.Answer) { f.s.sys.Root.Send(f.parent, &answer{a: a}) }

func (f changesFeed) notice(who any, text string) {
	f.s.sys.Root.Send(f.parent, &feedNotice{m: who.(*member), text: text})
}

func (f changesFeed) deliver(group any, list []changes.Delivery) {
	to := group.(*post)
	gone := func() bool { return f.life.Err() != nil }
	for len(list) > 0 {
		n, size := chunk(list)
		room := rowsRoom
		if size > paceChunk/rowsRoom {
			room = 0
		}
		to.wait(room, gone)
		f.pace.waitAll(list[:n], gone)
		to.send(&rows{list: list[:n]})
		list = list[n:]
	}
}
