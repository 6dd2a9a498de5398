package protocol

import (
	"bytes"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

const goldenFile = "testdata/frames.golden"

// TestGoldenFrames compares every frame that the server sends in the documented flows with the file, byte for byte, and
// what is in it with what the documentation of the protocol shows, where the order of keys means nothing.
func TestGoldenFrames(t *testing.T) {
	var out bytes.Buffer
	for _, f := range flows() {
		fmt.Fprintf(&out, "%s\t%s\n", f.name, strconv.Quote(string(f.frame)))
		opcode, body := openFrame(t, f.name, f.frame)
		if strings.HasPrefix(f.says, "\x04") {
			if opcode != finBinary || string(body) != f.says {
				t.Errorf("%s: %q, want %q", f.name, body, f.says)
			}
			continue
		}
		if opcode != finText || !Valid(body) {
			t.Errorf("%s: opcode %#x, body %s", f.name, opcode, body)
		}
		if diff := cmp.Diff(anyJSON(t, body), anyJSON(t, []byte(f.says))); diff != "" {
			t.Errorf("%s (-got +want):\n%s", f.name, diff)
		}
	}
	if *update {
		if err := os.WriteFile(goldenFile, out.Bytes(), 0o644); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(goldenFile)
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(strings.Split(out.String(), "\n"), strings.Split(string(want), "\n")); diff != "" {
		t.Errorf("frames differ from %s; `make golden` rewrites it (-got +want):\n%s", goldenFile, diff)
	}
}

// openFrame takes the header off a frame and checks that it says the exact length, in the shortest form.
func openFrame(t *testing.T, name string, frame []byte) (first byte, body []byte) {
	t.Helper()
	if len(frame) < 2 {
		t.Fatalf("%s: frame %q is too short", name, frame)
	}
	n, head := int(frame[1]), 2
	switch n {
	case 126:
		n, head = int(binary.BigEndian.Uint16(frame[2:])), 4
		if n < 126 {
			t.Errorf("%s: long header for %d bytes", name, n)
		}
	case 127:
		n, head = int(binary.BigEndian.Uint64(frame[2:])), 10
		if n < 1<<16 {
			t.Errorf("%s: longest header for %d bytes", name, n)
		}
	}
	if len(frame) != head+n {
		t.Fatalf("%s: header says %d bytes, there are %d", name, n, len(frame)-head)
	}
	return frame[0], frame[head:]
}

func anyJSON(t *testing.T, b []byte) any {
	t.Helper()
	var v any
	d := json.NewDecoder(bytes.NewReader(b))
	d.UseNumber()
	if err := d.Decode(&v); err != nil {
		t.Fatalf("%s: %v", b, err)
	}
	return v
}
