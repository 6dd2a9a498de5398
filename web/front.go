package web

import "net/http"

// welcome is what a person reads who opens the server's address, or the Inspector's, in a browser.
const welcome = `Realtime is running.

Sockets     /socket/websocket (also /realtime/v1/websocket): point a Supabase client at this address
Broadcasts  POST /api/broadcast (also /realtime/v1/api/broadcast)
Health      GET /healthcheck
Metrics     GET /metrics, /tenant-metrics
Status      GET /status, /readyz
API         /swaggerui

The Inspector is not part of this version yet. To try things out from a terminal:

  realtime token            makes a key for the self-hosted tenant
  realtime sub TOPIC        prints what a channel receives
  realtime pub TOPIC EVENT JSON
`

// front serves the welcome.
func front(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", typeText)
	_, _ = w.Write([]byte(welcome))
}
