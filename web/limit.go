package web

import (
	"errors"
	"math"
	"net/http"
	"strconv"
	"time"

	"realtime/protocol"
)

// limitHeader names the limit that a 429 is about: setting, value, what was counted, and when it is free again. The bodies are
// upstream's.
const limitHeader = "X-Limit-Hit"

// explainLimit puts the limit that err is about, if it is about one, into an answer's headers.
func explainLimit(h http.Header, err error) {
	l, ok := errors.AsType[*protocol.Limit](err)
	if !ok {
		return
	}
	h.Set(limitHeader, l.Error())
	if l.Reset > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(float64(l.Reset)/float64(time.Second)))))
	}
}

// tooMany answers 429.
func tooMany(w http.ResponseWriter, text string, err error) {
	explainLimit(w.Header(), err)
	message(w, http.StatusTooManyRequests, text)
}
