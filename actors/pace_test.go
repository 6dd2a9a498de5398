package actors

import (
	"net"
	"testing"
	"time"
)

// Somebody who sends without end, byte by byte, is read no more often than the rate allows, and loses nothing.
func TestFastSenderIsReadAtARate(t *testing.T) {
	const rate, size = 2000, 100_000
	var held time.Duration
	c, far := pair(t, ConnOptions{ReadRate: rate, OnPause: func(d time.Duration) { held += d }})
	go oneByOne(far, size) // ends when all is written, or the connection is closed
	began, reads, got, buf := time.Now(), 0, 0, make([]byte, 512)
	for got < size {
		n, err := c.Read(buf)
		if err != nil {
			t.Fatalf("after %d of %d bytes: %v", got, size, err)
		}
		for i, b := range buf[:n] {
			if want := byte(got + i); b != want {
				t.Fatalf("byte %d is %d, want %d", got+i, b, want)
			}
		}
		got += n
		reads++
	}
	took := time.Since(began)
	if most := readBurst + int(took.Seconds()*rate); reads > most+readBurst {
		t.Errorf("%d reads in %s, want at most %d", reads, took, most)
	}
	if reads > 2*readBurst && held == 0 {
		t.Errorf("%d reads at once and no pause", reads)
	}
}

func oneByOne(far net.Conn, size int) {
	for i := range size {
		if _, err := far.Write([]byte{byte(i)}); err != nil {
			return
		}
	}
}

// Somebody who sends now and then is never held back, however long that goes on; neither are large messages by their size alone.
func TestOrdinarySenderIsNotHeldBack(t *testing.T) {
	var p pace
	at := time.Now()
	for range 100 * readBurst {
		at = at.Add(time.Millisecond)
		if wait := p.read(at, 64<<10, readRate); wait != 0 {
			t.Fatalf("held back for %s at a thousand reads a second", wait)
		}
	}
	at = at.Add(time.Minute)
	for range readBurst - 1 {
		if wait := p.read(at, 512, readRate); wait != 0 {
			t.Fatalf("held back for %s within a burst", wait)
		}
	}
	at = at.Add(-time.Hour) // somebody set the clock
	for range 2 * readBurst {
		if wait := p.read(at, 512, readRate); wait > time.Second/readRate*(readBurst+1) {
			t.Fatalf("held back for %s after the clock was set", wait)
		}
	}
}

// A burst does not pay for the one before it: what is promised is a rate.
func TestPaceIsARate(t *testing.T) {
	var p pace
	begun := time.Unix(1, 0)
	at := begun
	for range 10 * readBurst {
		at = at.Add(p.read(at, 512, 1000))
	}
	if took := at.Sub(begun); took < 8*readBurst*time.Millisecond || took > 10*readBurst*time.Millisecond {
		t.Errorf("%d reads at 1,000 a second took %s", 10*readBurst, took)
	}
}

// Somebody who sends byte by byte is waited for early, so that there is more to read the next time.
func TestShortReadsCountMore(t *testing.T) {
	var p pace
	at, reads := time.Unix(1, 0), 0
	for ; p.read(at, shortRead, readRate) == 0; reads++ {
		if reads > 2*readBurst/shortReads { // the clock counts from the second burst on
			t.Fatalf("%d reads of %d bytes at one moment are not held back", reads, shortRead)
		}
	}
}
