package wal

import (
	"encoding/binary"
	"encoding/hex"
	"io"
	"net"
	"testing"
	"testing/synctest"
	"time"

	"pgregory.net/rapid"
)

// TestStatusUpdateIsAsDocumented byte by byte: CopyData, 'r', written, flushed, applied, clock, reply.
func TestStatusUpdateIsAsDocumented(t *testing.T) {
	got := hex.EncodeToString(appendStatus(nil, 0x0102, 0x0304, time.UnixMicro(y2k+5), true))
	want := "64" + "00000026" + "72" + "0000000000000102" + "0000000000000304" + "0000000000000304" + "0000000000000005" + "01"
	if got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// TestFlushedNeverPassesWhatIsInFlight: whatever happens in whatever order, nothing that was handed over and is not
// confirmed is given up, and once everything is confirmed, everything read is.
func TestFlushedNeverPassesWhatIsInFlight(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var p positions
		var now, confirmed LSN
		var sent []LSN // ends of transactions
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			switch rapid.IntRange(0, 2).Draw(t, "step") {
			case 0: // a transaction is handed over
				now += 10
				raise(&p.pending, now)
				sent = append(sent, now)
			case 1: // a keepalive, or a transaction without rows
				now += 10
				raise(&p.idle, now)
			case 2:
				if len(sent) > 0 {
					confirmed = max(confirmed, rapid.SampledFrom(sent).Draw(t, "confirm"))
					raise(&p.confirmed, confirmed)
				}
			}
			flushed := p.flushed()
			for _, end := range sent {
				if end > confirmed && flushed >= end {
					t.Fatalf("flushed %s, %s is in flight", flushed, end)
				}
			}
			if len(sent) == 0 || confirmed == sent[len(sent)-1] {
				if want := max(confirmed, LSN(p.idle.Load())); flushed != want {
					t.Fatalf("nothing in flight: flushed %s, want %s", flushed, want)
				}
			}
		}
	})
}

// update is one status update as the server sees it.
type update struct {
	after            time.Duration // since the pulse began
	written, flushed LSN
	question         bool
}

// beating runs a pulse in a bubble and returns what it sends; the server's end of the connection is closed with it.
func beating(t *testing.T, p *pulse) (updates <-chan update, stopped <-chan error, end func()) {
	t.Helper()
	client, server := net.Pipe()
	p.conn = client
	out, done, closing := make(chan update, 1000), make(chan error, 1), make(chan struct{})
	began := time.Now()
	go func() { // ends when the pipe is closed
		defer close(out)
		var b [39]byte
		for {
			if _, err := io.ReadFull(server, b[:]); err != nil {
				return
			}
			out <- update{time.Since(began), LSN(binary.BigEndian.Uint64(b[6:])), LSN(binary.BigEndian.Uint64(b[14:])), b[38] == 1}
		}
	}()
	go func() { // ends with end, or by itself
		done <- p.run(closing)
		_ = client.Close()
	}()
	return out, done, func() {
		close(closing)
		if err := <-done; err != nil {
			t.Error(err)
		}
		synctest.Wait()
	}
}

// TestPulseIsSteady: an update every third of wal_sender_timeout, at most 10 s, sooner when positions move, at once
// when asked.
func TestPulseIsSteady(t *testing.T) {
	for timeout, want := range map[time.Duration]time.Duration{
		0: 10 * time.Second, time.Minute: 10 * time.Second, 9 * time.Second: 3 * time.Second, 300 * time.Millisecond: 100 * time.Millisecond,
	} {
		synctest.Test(t, func(t *testing.T) {
			var at positions
			p := newPulse(nil, &at, timeout, time.Hour)
			updates, _, end := beating(t, p)
			first, second := <-updates, <-updates
			if first.after != want || second.after != 2*want {
				t.Errorf("timeout %v: updates after %v and %v", timeout, first.after, second.after)
			}
			p.answer()
			if u := <-updates; u.after != 2*want {
				t.Errorf("timeout %v: answered after %v", timeout, u.after-2*want)
			}
			raise(&at.received, 5)
			if u := <-updates; u.after-2*want > min(want, statusPause) || u.written != 5 || u.flushed != 0 {
				t.Errorf("timeout %v: told of movement: %+v", timeout, u)
			}
			end()
		})
	}
}

// TestAnswerDoesNotBlock when a request is waiting already.
func TestAnswerDoesNotBlock(t *testing.T) {
	p := newPulse(nil, &positions{}, 0, time.Hour)
	p.answer()
	p.answer()
	if len(p.ask) != 1 {
		t.Errorf("%d requests wait", len(p.ask))
	}
}

// TestPulseNeverGoesBack: what an idle stream let go of stays so when a transaction is in flight again.
func TestPulseNeverGoesBack(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at positions
		p := newPulse(nil, &at, 0, time.Hour)
		updates, _, end := beating(t, p)
		raise(&at.idle, 100)
		if u := <-updates; u.flushed != 100 || u.written != 100 {
			t.Errorf("idle: %+v", u)
		}
		raise(&at.pending, 150)
		raise(&at.received, 150)
		if u := <-updates; u.flushed != 100 || u.written != 150 {
			t.Errorf("in flight: %+v", u)
		}
		raise(&at.confirmed, 150)
		if u := <-updates; u.flushed != 150 {
			t.Errorf("confirmed: %+v", u)
		}
		end()
	})
}

// TestPulseGivesUpOnSilence only after it asked, and only while someone reads.
func TestPulseGivesUpOnSilence(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at positions
		p := newPulse(nil, &at, 0, silence)
		updates, stopped, _ := beating(t, p)
		time.Sleep(time.Hour) //nolint:forbidigo // in a bubble; nobody reads
		if len(stopped) != 0 {
			t.Fatal("gave up while nobody read")
		}
		for len(updates) > 0 {
			if u := <-updates; u.question {
				t.Fatalf("asked while nobody read: %+v", u)
			}
		}
		p.waiting.Store(false)
		began := time.Now()
		if err := <-stopped; err == nil {
			t.Error("no error")
		}
		if d := time.Since(began); d < silence-2*statusPause || d > silence+2*statusPause {
			t.Errorf("gave up after %v", d)
		}
		questions := 0
		for u := range updates {
			if u.question {
				questions++
			}
		}
		if questions < 3 {
			t.Errorf("asked %d times", questions)
		}
	})
}

// TestPulseHearsTheServer: one word in time is enough.
func TestPulseHearsTheServer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var at positions
		p := newPulse(nil, &at, 0, silence)
		p.waiting.Store(false)
		_, stopped, end := beating(t, p)
		for range 20 {
			time.Sleep(silence / 2) //nolint:forbidigo // in a bubble
			p.heard.Store(true)
		}
		if len(stopped) != 0 {
			t.Error("gave up")
		}
		end()
	})
}
