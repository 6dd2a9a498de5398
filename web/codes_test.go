package web

import (
	"strings"
	"testing"

	"realtime/protocol/codes"
)

// TestCodesInTheLog: each refusal is found by its code.
func TestCodesInTheLog(t *testing.T) {
	h := open(t, nil)
	logs := func(code codes.Code) {
		t.Helper()
		h.until(t, "logged: "+string(code), func() bool { return strings.Contains(h.logs.String(), `"code":"`+string(code)+`"`) })
	}
	knock := func(query, host string) {
		t.Helper()
		h.do(t, "GET", "/socket/websocket?"+query, "", "Host", host, "Connection", "Upgrade", "Upgrade", "websocket",
			"Sec-WebSocket-Version", "13", "Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA==")
	}
	knock("vsn=2.0.0", "abc.example.com")
	logs(codes.MissingAPIKey)
	knock("vsn=2.0.0&apikey="+token(t), "closed.example.com")
	logs(codes.RealtimeDisabledForTenant)
	knock("vsn=9&apikey="+token(t), "abc.example.com")
	logs(codes.HttpClientError)
	h.manage(t, "PUT", "/api/tenants/new", `{"tenant":{"jwt_secret":5}}`, 422)
	logs(codes.UnprocessableEntity)
	nowhere := h.db
	nowhere.Port = 1
	h.add(t, nowhere, "lost", "")
	h.manage(t, "DELETE", "/api/tenants/lost", "", 500)
	logs(codes.UnableToDeleteTenant)
	h.store.Close()
	h.manage(t, "GET", "/api/tenants", "", 500)
	logs(codes.UnknownErrorOnController)
	logs(codes.HttpServerError)
}
