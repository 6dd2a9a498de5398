package web

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net/http"
	"strconv"
	"strings"
	"testing"
	"testing/iotest"
)

func TestHeadEndsAtTheBlankLine(t *testing.T) {
	for name, in := range map[string]string{
		"crlf":         "GET / HTTP/1.1\r\nHost: a\r\n\r\n",
		"lf":           "GET / HTTP/1.1\nHost: a\n\n",
		"mixed":        "GET / HTTP/1.1\r\nHost: a\n\r\n",
		"no headers":   "GET / HTTP/1.1\r\n\r\n",
		"long":         "GET /" + strings.Repeat("a", 3*headBytes) + " HTTP/1.1\r\n\r\n",
		"empty line":   "\r\n",
		"cr in a line": "GET / HTTP/1.1\r\na:\rb\r\n\r\n",
	} {
		for _, rest := range []string{"", "rest\r\n\r\n"} {
			h := heads.Get().(*head)
			if err := h.read(nil, iotest.OneByteReader(strings.NewReader(in)), 4096); err != nil {
				t.Fatalf("%s: read: %v", name, err)
			}
			if got := string(h.all()[:h.end]); got != in {
				t.Errorf("%s: head %q, want %q", name, got, in)
			}
			h.free()
			h = heads.Get().(*head)
			if err := h.read(nil, strings.NewReader(in+rest), 4096); err != nil {
				t.Fatalf("%s: read at once: %v", name, err)
			}
			if got := string(h.all()[:h.end]); got != in {
				t.Errorf("%s: head %q of all at once, want %q", name, got, in)
			}
			// Only what came in the same read is there: a long head fills the buffer before the rest.
			if got := string(h.rest()); !strings.HasPrefix(rest, got) {
				t.Errorf("%s: rest %q, want a part of %q", name, got, rest)
			}
			h.free()
		}
	}
}

func TestHeadBeyondItsBoundsIsRefused(t *testing.T) {
	header := func(n int) string { return "a: " + strings.Repeat("v", n) + "\r\n" }
	for name, c := range map[string]struct {
		in   string
		want int
	}{
		"request line":    {"GET /" + strings.Repeat("a", maxLine) + " HTTP/1.1\r\n\r\n", http.StatusRequestURITooLong},
		"no end in sight": {strings.Repeat("a", maxLine+1), http.StatusRequestURITooLong},
		"header line":     {"GET / HTTP/1.1\r\n" + header(4096+maxName) + "\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"many headers":    {"GET / HTTP/1.1\r\n" + strings.Repeat("a: b\r\n", maxHeaders+1) + "\r\n", http.StatusRequestHeaderFieldsTooLarge},
		"altogether":      {"GET / HTTP/1.1\r\n" + strings.Repeat(header(4000), maxHead/4000+1) + "\r\n", http.StatusRequestHeaderFieldsTooLarge},
	} {
		h := heads.Get().(*head)
		err := h.read(nil, strings.NewReader(c.in), 4096)
		large, ok := errors.AsType[*oversizeError](err)
		if !ok || large.status != c.want {
			t.Errorf("%s: %v, want status %d", name, err, c.want)
		}
		h.free()
	}
}

func TestHeadWithinItsBoundsPasses(t *testing.T) {
	for name, in := range map[string]string{
		"request line": "GET /" + strings.Repeat("a", 8000) + " HTTP/1.1\r\n\r\n",
		"headers":      "GET / HTTP/1.1\r\n" + strings.Repeat("a: b\r\n", maxHeaders) + "\r\n",
		"value":        "GET / HTTP/1.1\r\na: " + strings.Repeat("v", 4096) + "\r\n\r\n",
	} {
		h := heads.Get().(*head)
		if err := h.read(nil, strings.NewReader(in), 4096); err != nil {
			t.Errorf("%s: %v", name, err)
			continue
		}
		r, err := h.request()
		if err != nil {
			t.Errorf("%s: parse: %v", name, err)
			continue
		}
		if status := headStatus(r, 4096); status != 0 {
			t.Errorf("%s: status %d of the parsed request, want 0", name, status)
		}
		h.free()
	}
}

func TestParsedHeadIsBoundedToo(t *testing.T) {
	long := &http.Request{Method: "GET", RequestURI: "/" + strings.Repeat("a", maxLine), Proto: "HTTP/1.1"}
	if got := headStatus(long, 10); got != http.StatusRequestURITooLong {
		t.Errorf("long address: %d, want 414", got)
	}
	many := http.Header{}
	for i := range maxHeaders + 1 {
		many.Add("X-"+strconv.Itoa(i%7), "v")
	}
	for name, h := range map[string]http.Header{
		"value": {"A": {"12345678901"}}, "second value": {"A": {"1", "12345678901"}},
		"name": {strings.Repeat("a", maxName+1): {""}}, "count": many,
	} {
		if got := headStatus(&http.Request{Header: h}, 10); got != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("%s: %d, want 431", name, got)
		}
	}
	if got := headStatus(&http.Request{Header: http.Header{"A": {"1234567890"}}}, 10); got != 0 {
		t.Errorf("value of exactly the bound: %d, want 0", got)
	}
}

func TestHeadOfABrokenConnectionIsItsError(t *testing.T) {
	h := heads.Get().(*head)
	defer h.free()
	if err := h.read(nil, strings.NewReader("GET / HTTP/1.1\r\n"), 4096); !errors.Is(err, io.EOF) {
		t.Errorf("got %v, want EOF", err)
	}
}

// FuzzHead checks that the end of a head, or the refusal, does not depend on how the bytes are cut, and that what is cut off is
// exactly one head: net/http's parser reads all of it and no more.
func FuzzHead(f *testing.F) {
	for _, s := range []string{
		"GET /socket/websocket?vsn=2.0.0 HTTP/1.1\r\nHost: a.b\r\nUpgrade: websocket\r\n\r\n\x81\x80", "\r\n", "\n\n", "GET\r\n\r", "a\r\n b\r\n\r\n",
		"GET / HTTP/1.1\r\nA: b\r\n c\r\n\r\n", "\r\r\n\r\n", "POST / HTTP/1.1\nContent-Length: 3\n\nabc",
	} {
		f.Add([]byte(s), uint8(3))
	}
	f.Fuzz(func(t *testing.T, in []byte, step uint8) {
		whole := headScan{maxLine: 64}
		end, err := whole.feed(in)
		pieces := headScan{maxLine: 64}
		at, pieceEnd := 0, 0
		var pieceErr error
		for at < len(in) && pieceEnd == 0 && pieceErr == nil {
			n := min(int(step)+1, len(in)-at)
			pieceEnd, pieceErr = pieces.feed(in[at : at+n])
			if pieceEnd > 0 {
				pieceEnd += at
			}
			at += n
		}
		if end != pieceEnd || (err == nil) != (pieceErr == nil) {
			t.Fatalf("whole: %d, %v; in pieces of %d: %d, %v", end, err, int(step)+1, pieceEnd, pieceErr)
		}
		if end == 0 || err != nil {
			return
		}
		src := bytes.NewReader(in[:end])
		br := bufio.NewReaderSize(src, headBytes)
		r, parseErr := http.ReadRequest(br)
		if parseErr == nil && br.Buffered()+src.Len() != 0 {
			t.Fatalf("the parser left %d bytes of a head of %d", br.Buffered()+src.Len(), end)
		}
		if parseErr == nil {
			_, _ = isSocket(r), upgradeProblem(r)
			_ = headerHas(r.Header, "connection", "upgrade")
		}
		if errors.Is(parseErr, io.ErrUnexpectedEOF) && bytes.Contains(in[:end], []byte("\n")) {
			t.Fatalf("the parser wanted more than %q", in[:end])
		}
	})
}
