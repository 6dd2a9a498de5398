package web

import (
	_ "embed" // openapi.json
	"html/template"
	"net/http"
	"strings"
	"time"

	swgui "github.com/swaggest/swgui/v5emb"
)

// openAPI describes the routes, for people and generators of clients. A test compares it with the table of routes.
//
//go:embed openapi.json
var openAPI string

// pathDocs is where the description is tried out, with the files of that page below it.
const pathDocs = "/swaggerui"

// pages are the addresses for people.
func (s *Server) pages() []route {
	description := []byte(strings.Replace(openAPI, "@version@", s.o.Version, 1))
	docs := headers(swgui.New("realtime", "/api/openapi", pathDocs+"/"))
	return []route{
		{"GET /{$}", http.HandlerFunc(front)},
		{"GET /inspector", http.HandlerFunc(moved)},
		{"GET /inspector/new", http.HandlerFunc(moved)},
		{"GET /status", headers(http.HandlerFunc(s.status))},
		{"GET /api/openapi", s.accepts(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { answer(w, http.StatusOK, description) }))},
		{"GET " + pathDocs, docs},
		{"GET " + pathDocs + "/{file}", docs},
	}
}

// moved sends old addresses of the front page there. The query goes along.
func moved(w http.ResponseWriter, r *http.Request) {
	to := "/"
	if r.URL.RawQuery != "" {
		to += "?" + r.URL.RawQuery
	}
	w.Header().Set("Location", to)
	w.WriteHeader(http.StatusFound)
}

// headers are what browsers are told about pages.
func headers(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h := w.Header()
		h.Set("Referrer-Policy", "strict-origin-when-cross-origin")
		h.Set("Content-Security-Policy", "base-uri 'self'; frame-ancestors 'self';")
		h.Set("X-Content-Type-Options", "nosniff")
		h.Set("X-Permitted-Cross-Domain-Policies", "none")
		next.ServeHTTP(w, r)
	})
}

var statusPage = template.Must(template.New("status").Parse(`<!doctype html>
<html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="15"><title>Realtime Cluster Health</title>
<style>body{font:16px/1.5 system-ui,sans-serif;margin:3rem auto;max-width:40rem}dl{display:grid;grid-template-columns:10rem 1fr}dd{margin:0}</style></head>
<body><h1>Realtime Cluster Health</h1>
<h2>{{.Node}}</h2>
<dl><dt>Status</dt><dd>{{.Status}}</dd><dt>Region</dt><dd>{{.Region}}</dd><dt>Sockets</dt><dd>{{.Sockets}}</dd><dt>Up since</dt><dd>{{.Since}}</dd></dl>
<footer>Version {{.Version}} · {{.Node}} · {{.Region}}</footer></body></html>
`))

// status is the page about this server. It is public and says nothing about tenants.
func (s *Server) status(w http.ResponseWriter, r *http.Request) {
	v := map[string]any{
		"Node": s.o.Node, "Region": s.o.Region, "Version": s.o.Version, "Sockets": s.o.System.Connections(),
		"Since": s.begun.UTC().Format(time.RFC3339), "Status": "Healthy",
	}
	if s.stopping() {
		v["Status"] = "Stopping"
	}
	w.Header().Set("Content-Type", typeHTML)
	if err := statusPage.Execute(w, v); err != nil {
		s.log.Debug("status page not taken", "err", err)
	}
}
