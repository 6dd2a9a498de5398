package protocol

import (
	"fmt"
	"strings"
	"testing"
)

// textFrame is a broadcast as a client of version v sends it, about size bytes long.
func textFrame(v Version, size int) []byte {
	open, end := `["1","2","realtime:room","broadcast",{"type":"broadcast","event":"move","payload":{"x":12.5,"y":-3,"ok":true,"s":"`, `"}}]`
	if v == V1 {
		open = `{"topic":"realtime:room","event":"broadcast","payload":{"type":"broadcast","event":"move","payload":{"x":12.5,"y":-3,"ok":true,"s":"`
		end = `"}},"ref":"2","join_ref":"1"}`
	}
	return []byte(open + strings.Repeat("x", max(0, size-len(open)-len(end))) + end)
}

// userFrame is a broadcast to the room as a kind 3 frame.
func userFrame(event string, encoding byte, payload []byte) []byte {
	f := []byte{kindUserPush, 1, 1, byte(len(room)), byte(len(event)), 0, encoding, '1', '2'}
	f = append(f, room...)
	f = append(f, event...)
	return append(f, payload...)
}

func BenchmarkDecode(b *testing.B) {
	for _, v := range []Version{V1, V2} {
		for _, size := range []int{250, 4096} {
			b.Run(fmt.Sprintf("vsn=%s/bytes=%d", v, size), func(b *testing.B) {
				frame := textFrame(v, size)
				b.SetBytes(int64(len(frame)))
				b.ReportAllocs()
				for b.Loop() {
					var m Message
					if err := v.Decode(frame, false, &m); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	}
	b.Run("vsn=2.0.0/kind=3", func(b *testing.B) {
		frame := userFrame("move", encodingJSON, []byte(`{"x":12.5}`))
		b.ReportAllocs()
		for b.Loop() {
			var m Message
			if err := V2.Decode(frame, true, &m); err != nil {
				b.Fatal(err)
			}
		}
	})
}

func BenchmarkEncodeBroadcast(b *testing.B) {
	for _, v := range []Version{V1, V2} {
		b.Run(fmt.Sprintf("vsn=%s/form=text/bytes=250", v), func(b *testing.B) {
			var m Message
			if err := v.Decode(textFrame(v, 250), false, &m); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := EncodeBroadcast(v, &m, room, roomJSON); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
	for _, v := range []Version{V1, V2} {
		b.Run(fmt.Sprintf("vsn=%s/form=kind3/bytes=250", v), func(b *testing.B) {
			var m Message
			payload := []byte(`{"s":"` + strings.Repeat("x", 220) + `"}`)
			if err := V2.Decode(userFrame("move", encodingJSON, payload), true, &m); err != nil {
				b.Fatal(err)
			}
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := EncodeBroadcast(v, &m, room, roomJSON); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkPublish is the whole way of one published message through this package, which the budget of 1 us is for.
func BenchmarkPublish(b *testing.B) {
	for _, v := range []Version{V1, V2} {
		b.Run("vsn="+v.String(), func(b *testing.B) {
			frame := textFrame(v, 250)
			b.ReportAllocs()
			for b.Loop() {
				var m Message
				if err := v.Decode(frame, false, &m); err != nil {
					b.Fatal(err)
				}
				if _, _, err := EncodeBroadcast(v, &m, room, roomJSON); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
