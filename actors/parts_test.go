package actors

import (
	"bytes"
	"slices"
	"strconv"
	"testing"
	"time"

	"pgregory.net/rapid"

	"realtime/protocol"
)

func TestBatchWithoutOwnFrames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		members := []*member{{}, {}, nil}
		var b batch
		var all []byte
		own := map[*member][]byte{}
		for i := range rapid.IntRange(0, 40).Draw(t, "frames") {
			frame := []byte("<" + strconv.Itoa(i) + ">")
			m := rapid.SampledFrom(members).Draw(t, "skipped")
			if rapid.Bool().Draw(t, "made") {
				b.addWith(func(dst []byte) []byte { return append(dst, frame...) }, m)
			} else {
				b.add(frame, m)
			}
			all = append(all, frame...)
			for _, o := range members {
				if o != m || m == nil {
					own[o] = append(own[o], frame...)
				}
			}
		}
		if !bytes.Equal(b.buf, all) {
			t.Fatalf("batch is %q, want %q", b.buf, all)
		}
		for _, m := range members[:2] {
			got := b.buf
			if m.skips > 0 {
				got = b.without(m)
			}
			if !bytes.Equal(got, own[m]) {
				t.Fatalf("got %q, want %q", got, own[m])
			}
		}
	})
}

// A frame that was put into a batch by reference is never written to.
func TestBatchLeavesALoneFrameAlone(t *testing.T) {
	frame := append(make([]byte, 0, 64), "one"...)
	var b batch
	b.add(frame, nil)
	b.add([]byte("two"), nil)
	if got := string(frame[:6:6][:3]); got != "one" || string(b.buf) != "onetwo" {
		t.Errorf("frame %q, batch %q", got, b.buf)
	}
	if spare := frame[:cap(frame)][3]; spare != 0 {
		t.Error("the spare room of somebody's frame was written to")
	}
}

func TestSubscribersStayDense(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var s subscribers
		var in []*member
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			if len(in) > 0 && rapid.Bool().Draw(t, "remove") {
				i := rapid.IntRange(0, len(in)-1).Draw(t, "which")
				s.remove(in[i])
				in = slices.Delete(in, i, i+1)
				continue
			}
			m := &member{hello: &Hello{Version: protocol.Version(rapid.IntRange(1, 2).Draw(t, "version"))}}
			s.add(m)
			in = append(in, m)
		}
		if s.len() != len(in) {
			t.Fatalf("%d subscribers, want %d", s.len(), len(in))
		}
		for _, m := range in {
			if s[m.hello.Version-1][m.slot].m != m {
				t.Fatal("a member is not in its slot")
			}
		}
	})
}

func TestDeadlinesComeInOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var d deadlines
		base := time.Unix(0, 0)
		in := map[*member]bool{}
		for range rapid.IntRange(0, 50).Draw(t, "steps") {
			m := &member{}
			for o := range in {
				if rapid.Bool().Draw(t, "old") {
					m = o
				}
				break
			}
			if in[m] && rapid.Bool().Draw(t, "drop") {
				d.drop(m)
				delete(in, m)
				continue
			}
			d.set(m, base.Add(time.Duration(rapid.IntRange(0, 1000).Draw(t, "at"))))
			in[m] = true
		}
		last := base
		for len(in) > 0 {
			m := d.pop(base.Add(time.Hour))
			if m == nil || !in[m] || m.due.at.Before(last) {
				t.Fatalf("popped %v after %v", m, last)
			}
			last = m.due.at
			delete(in, m)
		}
		if d.Len() != 0 {
			t.Fatal("deadlines left")
		}
	})
}

func TestRoutesFindWhatTheyHold(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var r routes
		in := map[string]*member{}
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			topic := rapid.StringMatching(`[a-c]{1,3}`).Draw(t, "topic")
			if m, ok := in[topic]; ok && rapid.Bool().Draw(t, "remove") {
				r = r.without(m)
				delete(in, topic)
				continue
			}
			m := &member{topic: topic}
			r = r.with(route{m: m})
			in[topic] = m
		}
		for _, topic := range []string{"a", "b", "ab", "abc", "ccc", "bca", "zz"} {
			got, ok := r.find([]byte(topic))
			if want, in := in[topic]; ok != in || got.m != want {
				t.Fatalf("find %q: %v %v, want %v", topic, got.m, ok, want)
			}
		}
	})
}

func FuzzWire(f *testing.F) {
	f.Add(appendWire(nil, &protocol.Broadcast{Form: protocol.FormUserJSON, Event: []byte("e"), Payload: []byte("{}"), ID: "x", Replayed: true}))
	f.Add([]byte{wireVersion, 0, 0, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1})
	f.Fuzz(func(t *testing.T, b []byte) {
		var again []byte
		for x := range wireBroadcasts(b) {
			again = appendWire(again, &x)
		}
		n := 0
		for x := range wireBroadcasts(again) { // what was read once reads the same again
			n += len(appendWire(nil, &x))
		}
		if n != len(again) {
			t.Errorf("read %d of %d bytes of our own making", n, len(again))
		}
	})
}
