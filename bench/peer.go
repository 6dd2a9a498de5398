package bench

import (
	"bytes"
	"context"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"os/exec"
	"path/filepath"
	"strconv"
	"time"

	"realtime/protocol"
)

// peer is a yardstick: something else that moves the same messages to the same number of sockets, driven by the same load.
// It has one channel.
type peer interface {
	open(nc net.Conn, role, host string) (rest []byte, err error) // a subscriber listens when it returns
	publish(body []byte) []byte                                   // what a publisher sends, with the body's record in it
	many() bool                                                   // several messages share a frame
}

// peers are the yardsticks by name: the program beside this one, and how it is spoken to.
var peers = map[string]struct {
	program string
	peer    peer
}{
	"floor": {"floor", floorPeer{}},
	"nats":  {"nats-peer", natsPeer{}},
}

// SpawnPeer starts the yardstick floor or nats, whose program is in dir.
func SpawnPeer(ctx context.Context, name, dir string) (*Spawned, error) {
	p, ok := peers[name]
	if !ok {
		return nil, fmt.Errorf("start yardstick %q: there are floor and nats", name)
	}
	port, err := freePort(ctx)
	if err != nil {
		return nil, err
	}
	s := &Spawned{ended: make(chan struct{})}
	s.cmd = exec.CommandContext(context.WithoutCancel(ctx), filepath.Join(dir, p.program), strconv.Itoa(port)) // ended by Close
	if err := s.cmd.Start(); err != nil {
		return nil, fmt.Errorf("start yardstick %s: %w; build it with: make peers", name, err)
	}
	go s.await() // ends with the program
	address := "127.0.0.1:" + strconv.Itoa(port)
	s.Target = &Target{Name: name, URL: "http://" + address, PID: s.cmd.Process.Pid, peer: p.peer}
	look := time.NewTicker(10 * time.Millisecond)
	defer look.Stop()
	for limit := time.After(10 * time.Second); ; {
		if nc, err := new(net.Dialer).DialContext(ctx, "tcp", address); err == nil {
			nc.Close()
			return s, nil
		}
		select {
		case <-look.C:
		case <-ctx.Done():
			_ = s.Close() // the first error is the one to tell
			return nil, ctx.Err()
		case <-limit:
			_ = s.Close() // likewise
			return nil, fmt.Errorf("start yardstick %s: port %d does not answer within 10 s", name, port)
		}
	}
}

// floorPeer is bench/floor/floor.c.
type floorPeer struct{}

func (floorPeer) open(nc net.Conn, role, _ string) ([]byte, error) {
	hello, answer := "S", make([]byte, 2) // a subscriber gets an empty pong
	if role == rolePublisher {
		hello, answer = "P", nil
	}
	if _, err := io.WriteString(nc, hello); err != nil {
		return nil, fmt.Errorf("greet the yardstick: %w", err)
	}
	if _, err := io.ReadFull(nc, answer); err != nil {
		return nil, fmt.Errorf("greet the yardstick: %w", err)
	}
	return nil, nil
}

// publish sends what our server would deliver, to be passed on as it is.
func (floorPeer) publish(body []byte) []byte {
	b := protocol.Broadcast{Form: protocol.FormUserJSON, Event: []byte(event), Payload: body}
	frame := b.AppendFrame(make([]byte, 4), protocol.V2, protocol.Ref{}, topicOf(0), protocol.AppendString(nil, topicOf(0)))
	binary.LittleEndian.PutUint32(frame, uint32(len(frame)-4))
	return frame
}

func (floorPeer) many() bool { return false }

// natsPeer is nats-server, by its text protocol in binary frames.
type natsPeer struct{}

func (natsPeer) open(nc net.Conn, role, host string) ([]byte, error) {
	rest, err := webSocket(nc, host, "/", "")
	if err != nil {
		return nil, err
	}
	hello := "CONNECT {\"verbose\":false}\r\n"
	if role != rolePublisher {
		hello += "SUB bench 1\r\n"
	}
	if _, err := nc.Write(appendFrame(nil, opBinary, []byte(hello+"PING\r\n"))); err != nil {
		return nil, fmt.Errorf("greet nats: %w", err)
	}
	for end := []byte("PONG\r\n"); ; {
		if bytes.HasSuffix(rest, end) { // nobody publishes yet, so nothing follows
			return nil, nil
		}
		b := make([]byte, 4096)
		n, err := nc.Read(b)
		if err != nil {
			return nil, fmt.Errorf("greet nats: %w", err)
		}
		rest = append(rest, b[:n]...)
	}
}

func (natsPeer) publish(body []byte) []byte {
	return appendFrame(nil, opBinary, fmt.Appendf(nil, "PUB bench %d\r\n%s\r\n", len(body), body))
}

func (natsPeer) many() bool { return true }

// status reads the status of a reply or a system message.
func status(payload []byte) string {
	var p struct{ Status string }
	if json.Unmarshal(payload, &p) != nil {
		return ""
	}
	return p.Status
}
