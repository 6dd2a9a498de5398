package web

import (
	"net/http"
	"strings"
	"testing"
)

func TestAccept(t *testing.T) {
	for accept, want := range map[string]struct{ takes, prefers bool }{
		"":                                     {true, false},
		"*/*":                                  {true, false},
		"application/json":                     {true, true},
		"application/*":                        {true, true},
		"text/html":                            {false, false},
		"text/html, */*;q=0.1":                 {true, false},
		"text/html;q=0.5, application/json":    {true, true},
		"application/json;q=0.2, text/html":    {true, false},
		"application/json, text/html":          {true, true},
		"text/html, application/json":          {true, false},
		"application/json;q=0":                 {false, false},
		"*/*, application/json;q=0":            {false, false},
		"text/plain":                           {false, false},
		"nonsense":                             {false, false},
		"nonsense, application/json; q=absurd": {true, true},
	} {
		if got := acceptsJSON(accept); got != want.takes {
			t.Errorf("acceptsJSON(%q) = %v, want %v", accept, got, want.takes)
		}
		if got := prefersJSON(accept); got != want.prefers {
			t.Errorf("prefersJSON(%q) = %v, want %v", accept, got, want.prefers)
		}
	}
}

func TestHTTPToken(t *testing.T) {
	for name, c := range map[string]struct {
		authorization, apikey, want string
	}{
		"bearer":              {"Bearer t", "k", "t"},
		"any case":            {"bEARER t", "", "t"},
		"other scheme":        {"Basic t", "k", "k"},
		"no header":           {"", "k", "k"},
		"nothing":             {"", "", ""},
		"bearer alone":        {"Bearer", "k", ""},
		"bearer of two words": {"Bearer a b", "k", ""},
	} {
		h := http.Header{}
		if c.authorization != "" {
			h.Set("Authorization", c.authorization)
		}
		if c.apikey != "" {
			h.Set("Apikey", c.apikey)
		}
		if got := httpToken(h); got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestRequestID(t *testing.T) {
	const long = "12345678901234567890"
	for name, c := range map[string]struct {
		h    http.Header
		want string
	}{
		"baggage":           {http.Header{"Baggage": {"a=b, request-id=abc%2D456789;p=1"}, "X-Request-Id": {long}}, "abc-456789"},
		"second line":       {http.Header{"Baggage": {"a=b", "request-id = 0123456789"}}, "0123456789"},
		"short baggage":     {http.Header{"Baggage": {"request-id=123456789"}, "X-Request-Id": {long}}, long},
		"header":            {http.Header{"X-Request-Id": {long}}, long},
		"short header":      {http.Header{"X-Request-Id": {long[1:]}}, ""},
		"long header":       {http.Header{"X-Request-Id": {strings.Repeat("a", 201)}}, ""},
		"unprintable":       {http.Header{"X-Request-Id": {long + "\x80"}}, ""},
		"broken escape":     {http.Header{"Baggage": {"request-id=abcdefghij%zz"}}, ""},
		"nothing":           {nil, ""},
		"other baggage key": {http.Header{"Baggage": {"xrequest-id=0123456789"}}, ""},
	} {
		got := requestID(c.h, "request-id")
		if c.want == "" {
			if len(got) != 20 || got == requestID(c.h, "request-id") {
				t.Errorf("%s: %q, want 20 fresh characters", name, got)
			}
			continue
		}
		if got != c.want {
			t.Errorf("%s: %q, want %q", name, got, c.want)
		}
	}
}

func TestCloseCodesOfClients(t *testing.T) {
	for code, want := range map[uint16]bool{
		0: false, 999: false, 1000: true, 1001: true, 1003: true, 1004: false, 1005: false, 1006: false, 1007: true, 1014: true,
		1015: false, 2999: false, 3000: true, 4001: true, 4999: true, 5000: false,
	} {
		if got := validClose(code); got != want {
			t.Errorf("validClose(%d) = %v, want %v", code, got, want)
		}
	}
}
