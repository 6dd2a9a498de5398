package bench

import (
	"encoding/json"
	"net"
)

// peer is a yardstick: something else that moves the same bytes to the same number of sockets, driven by the same load.
type peer interface {
	open(nc net.Conn, role, host string) (rest []byte, err error)
	subscribe(topic string) []byte            // what a subscriber sends
	publish(topic string, body []byte) []byte // what a publisher sends, with the body's record in it
	many() bool                               // several messages share a frame
}

// status reads the status of a reply or a system message.
func status(payload []byte) string {
	var p struct{ Status string }
	if json.Unmarshal(payload, &p) != nil {
		return ""
	}
	return p.Status
}
