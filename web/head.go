package web

import (
	"bufio"
	"bytes"
	"io"
	"net/http"
	"strconv"
	"sync"
)

// Bounds of a request's head. Upstream's listener has 8,000 bytes for the request line, where apikey travels, and 100 headers.
const (
	maxLine    = 16 << 10  // bytes of the request line
	maxName    = 256       // bytes of a header's name, colon and spaces, on top of its value
	maxHeaders = 100       // lines after the request line
	maxHead    = 128 << 10 // bytes altogether
	headBytes  = 4 << 10   // what the pooled buffer starts with; most heads fit
	keptBytes  = 16 << 10  // a larger buffer is not pooled
)

// oversizeError says that a head passed a bound, and the status to answer with.
type oversizeError struct{ status int }

func (e *oversizeError) Error() string { return "request head too large: " + strconv.Itoa(e.status) }

// head is the head of one request, and what came with it. It belongs to the goroutine that took it from the pool.
type head struct {
	buf []byte // all that was read
	end int    // where the head ends in buf
}

var (
	heads   = sync.Pool{New: func() any { return &head{buf: make([]byte, 0, headBytes)} }}
	parsers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, headBytes) }}
)

// free gives h back to the pool. No request made from it refers to it: http.ReadRequest copies.
func (h *head) free() {
	if cap(h.buf) > keptBytes {
		return
	}
	h.buf, h.end = h.buf[:0], 0
	heads.Put(h)
}

// read fills h with what was read of r already and then from r, until the blank line. It returns an *oversizeError, or what r
// returned.
func (h *head) read(already []byte, r io.Reader, maxValue int) error {
	scan := headScan{maxLine: maxValue + maxName}
	h.buf = append(h.buf, already...)
	fresh := h.buf
	for {
		end, large := scan.feed(fresh)
		switch {
		case large != nil:
			return large
		case end > 0:
			h.end = len(h.buf) - len(fresh) + end
			return nil
		}
		if len(h.buf) == cap(h.buf) {
			h.buf = append(h.buf, 0)[:len(h.buf)]
		}
		n, err := r.Read(h.buf[len(h.buf):cap(h.buf)])
		fresh = h.buf[len(h.buf) : len(h.buf)+n]
		h.buf = h.buf[:len(h.buf)+n]
		if n == 0 && err != nil {
			return err
		}
	}
}

// request parses the head.
func (h *head) request() (*http.Request, error) {
	br := parsers.Get().(*bufio.Reader)
	defer func() {
		br.Reset(nil)
		parsers.Put(br)
	}()
	br.Reset(bytes.NewReader(h.buf[:h.end]))
	return http.ReadRequest(br)
}

// all is a copy of everything that was read.
func (h *head) all() []byte { return bytes.Clone(h.buf) }

// rest is a copy of what was read behind the head, nil if nothing was.
func (h *head) rest() []byte {
	if h.end == len(h.buf) {
		return nil
	}
	return bytes.Clone(h.buf[h.end:])
}

// headScan looks for the end of a head in bytes that arrive in any pieces, and for lines beyond the bounds. It does not parse: a
// line may end in LF alone, and the first one may be empty, as net/http sees it.
type headScan struct {
	maxLine int  // bytes of a header line
	total   int  // bytes so far, without LFs
	lines   int  // complete ones so far
	line    int  // bytes of the current line, without its LF
	first   byte // its first byte
}

// feed takes the next bytes. end > 0 says that the head ends before b[end]; nothing may be fed after that or after an error.
func (h *headScan) feed(b []byte) (end int, err error) {
	for end < len(b) {
		part := b[end:]
		lf := bytes.IndexByte(part, '\n')
		if lf >= 0 {
			part = part[:lf]
		}
		if h.line == 0 && len(part) > 0 {
			h.first = part[0]
		}
		h.line += len(part)
		h.total += len(part)
		if status := h.status(); status != 0 {
			return 0, &oversizeError{status: status}
		}
		if lf < 0 {
			return 0, nil
		}
		end += lf + 1
		if h.line == 0 || h.line == 1 && h.first == '\r' {
			return end, nil
		}
		h.line, h.lines = 0, h.lines+1
	}
	return 0, nil
}

// status is what to refuse the head with, 0 while it is within the bounds.
func (h *headScan) status() int {
	switch {
	case h.lines == 0 && h.line > maxLine:
		return http.StatusRequestURITooLong
	case h.lines > 0 && h.line > h.maxLine, h.lines > maxHeaders+1, h.total > maxHead:
		return http.StatusRequestHeaderFieldsTooLarge
	}
	return 0
}

// headStatus applies the bounds to a parsed request: exactly to the values of headers, which may have been folded, and to requests
// that net/http read.
func headStatus(r *http.Request, maxValue int) int {
	if len(r.Method)+len(r.RequestURI)+len(r.Proto)+2 > maxLine {
		return http.StatusRequestURITooLong
	}
	count := 0
	for name, values := range r.Header {
		count += len(values)
		if len(name) > maxName {
			return http.StatusRequestHeaderFieldsTooLarge
		}
		for _, v := range values {
			if len(v) > maxValue {
				return http.StatusRequestHeaderFieldsTooLarge
			}
		}
	}
	if count > maxHeaders {
		return http.StatusRequestHeaderFieldsTooLarge
	}
	return 0
}
