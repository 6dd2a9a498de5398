package postgres

import (
	"bufio"
	"encoding/hex"
	"encoding/json"
	"errors"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"realtime/postgres"
	"realtime/postgres/pgtest"
)

// sendVector is one recorded statement and what became of it.
type sendVector struct {
	ID           string
	SQL          string
	Warning      string // raised; no row
	NotBroadcast string `json:"not_broadcast"` // the row is stored, and lacks what the feed needs
	Error        *struct{ SQLState, Message string }
	Broadcast    *struct {
		Topic, Event, Extension string
		Private                 bool
		Encoding                string
		PayloadText             string `json:"payload_text"`
		PayloadHex              string `json:"payload_hex"`
	}
}

// storedRow is a row of realtime.messages as the feed sees it.
type storedRow struct {
	ID                      string
	Topic, Extension, Event *string
	Payload                 *string
	Private                 *bool
	Binary                  []byte
	Skip                    bool
}

func readVectors(t *testing.T) []sendVector {
	t.Helper()
	f, err := os.Open("testdata/send.jsonl")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = f.Close() }()
	var out []sendVector
	for lines := bufio.NewScanner(f); lines.Scan(); {
		var v sendVector
		if err := json.Unmarshal(lines.Bytes(), &v); err != nil {
			t.Fatal(err)
		}
		out = append(out, v)
	}
	if len(out) != 27 {
		t.Fatalf("%d vectors, want 27", len(out))
	}
	return out
}

// answersSendVectors runs every recorded statement by itself and compares warnings, errors and the stored row.
func answersSendVectors(t *testing.T, c *cluster) {
	s := c.database(t)
	pgtest.Exec(t, s, "create type public.bc_row as (id int, v text)")
	config, err := s.Config()
	if err != nil {
		t.Fatal(err)
	}
	var notices []*pgconn.Notice
	config.OnNotice = func(_ *pgconn.PgConn, n *pgconn.Notice) { notices = append(notices, n) }
	conn, err := pgx.ConnectConfig(t.Context(), config)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = conn.Close(t.Context()) })
	if _, err := postgres.PrepareTenant(t.Context(), conn, time.Now()); err != nil {
		t.Fatal(err)
	}
	for _, v := range readVectors(t) {
		t.Run(v.ID, func(t *testing.T) {
			notices = nil
			tx, err := conn.Begin(t.Context())
			if err != nil {
				t.Fatal(err)
			}
			defer func() { _ = tx.Rollback(t.Context()) }()
			_, err = tx.Exec(t.Context(), v.SQL, pgx.QueryExecModeSimpleProtocol)
			v.checkError(t, err)
			v.checkWarning(t, notices)
			if err == nil {
				v.checkRow(t, readRows(t, tx))
			}
		})
	}
}

func (v *sendVector) checkError(t *testing.T, err error) {
	t.Helper()
	if v.Error == nil {
		if err != nil {
			t.Fatal(err)
		}
		return
	}
	e, ok := errors.AsType[*pgconn.PgError](err)
	want := strings.ReplaceAll(v.Error.Message, "<date>", time.Now().UTC().Format("2006_01_02"))
	if !ok || e.Code != v.Error.SQLState || e.Message != want {
		t.Errorf("got %v, want %s %s", err, v.Error.SQLState, want)
	}
}

func (v *sendVector) checkWarning(t *testing.T, notices []*pgconn.Notice) {
	t.Helper()
	switch {
	case v.Warning == "" && len(notices) > 0:
		t.Errorf("warned: %s", notices[0].Message)
	case v.Warning != "" && (len(notices) != 1 || notices[0].Message != v.Warning || notices[0].Code != "01000" || notices[0].Severity != "WARNING"):
		t.Errorf("got %+v, want one warning %s", notices, v.Warning)
	}
}

func readRows(t *testing.T, tx pgx.Tx) []storedRow {
	t.Helper()
	if _, err := tx.Exec(t.Context(), "reset role"); err != nil {
		t.Fatal(err)
	}
	rows, err := tx.Query(t.Context(), `select id::text, topic, extension, event, payload::text, private, binary_payload, skip_broadcast from realtime.messages`)
	if err != nil {
		t.Fatal(err)
	}
	list, err := pgx.CollectRows(rows, pgx.RowToStructByPos[storedRow])
	if err != nil {
		t.Fatal(err)
	}
	return list
}

func (v *sendVector) checkRow(t *testing.T, rows []storedRow) {
	t.Helper()
	if v.Warning != "" {
		if len(rows) != 0 {
			t.Errorf("%d rows are stored", len(rows))
		}
		return
	}
	if len(rows) != 1 {
		t.Fatalf("%d rows are stored, want 1", len(rows))
	}
	r := rows[0]
	if r.Skip {
		t.Error("the row would not be broadcast")
	}
	if v.Broadcast == nil {
		lacks := map[string]bool{
			":payload_missing": r.Payload == nil && r.Binary == nil, ":event_missing": r.Event == nil,
			":private_missing": r.Private == nil,
		}
		if what := strings.TrimPrefix(v.NotBroadcast, "UnableToBroadcastChanges: "); !lacks[what] {
			t.Errorf("%s: the row is %+v", what, r)
		}
		return
	}
	want := v.Broadcast
	if *r.Topic != want.Topic || *r.Event != want.Event || *r.Extension != want.Extension || *r.Private != want.Private {
		t.Errorf("got %s %s %s %v, want %+v", *r.Topic, *r.Event, *r.Extension, *r.Private, want)
	}
	if want.Encoding == "binary" {
		if r.Binary == nil || r.Payload != nil || hex.EncodeToString(r.Binary) != want.PayloadHex {
			t.Errorf("got %x, want %s", r.Binary, want.PayloadHex)
		}
		return
	}
	text := strings.ReplaceAll(want.PayloadText, "<uuid of the row>", r.ID)
	if r.Payload == nil || *r.Payload != text || r.Binary != nil {
		t.Errorf("got %v, want %s", r.Payload, text)
	}
}
