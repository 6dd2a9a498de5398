package web

import (
	"bytes"
	"compress/gzip"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/common/expfmt"

	"realtime/postgres"
	"realtime/protocol/codes"
)

// PushOptions say where metrics are pushed to, for networks in which nobody can scrape. The body is the text format;
// VictoriaMetrics' import endpoint and Prometheus' Pushgateway take it.
type PushOptions struct {
	URL         string
	User        string          // of basic auth, which is used only if Auth is set
	Auth        postgres.Secret // its password
	Interval    time.Duration   // from the end of one round to the start of the next
	Timeout     time.Duration   // of one request
	Plain       bool            // do not compress
	ExtraLabels []string        // k=v, each sent as a query parameter extra_label
	Log         *slog.Logger
	Parts       []prometheus.Gatherer // each is a request of its own
}

// slowPush is how long a round may take before it is worth a line in the log.
const slowPush = 5 * time.Second

// Push pushes until ctx is done, one round after another: a slow receiver makes rounds rarer, never more at a time.
// What fails is logged and tried again in the next round.
func Push(ctx context.Context, o PushOptions) {
	client := &http.Client{Timeout: o.Timeout}
	t := time.NewTimer(o.Interval)
	defer t.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-t.C:
		}
		began := time.Now()
		for _, part := range o.Parts {
			if err := o.push(ctx, client, part); err != nil && ctx.Err() == nil {
				f := pushFault(err)
				o.Log.Error("metrics could not be pushed", "code", string(f.Code), "err", err)
			}
		}
		if took := time.Since(began); took > slowPush {
			o.Log.Warn("a push of metrics was slow", "took", took)
		}
		t.Reset(o.Interval)
	}
}

// push sends one part.
func (o *PushOptions) push(ctx context.Context, client *http.Client, part prometheus.Gatherer) error {
	body, err := o.body(part)
	if err != nil {
		return err
	}
	target, err := o.target()
	if err != nil {
		return err
	}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, target, body)
	if err != nil {
		return fmt.Errorf("make the request: %w", err)
	}
	r.Header.Set("Content-Type", "text/plain")
	if !o.Plain {
		r.Header.Set("Content-Encoding", "gzip")
	}
	if o.Auth != "" {
		r.SetBasicAuth(o.User, o.Auth.Reveal())
	}
	answer, err := client.Do(r)
	if err != nil {
		return fmt.Errorf("send: %w", err)
	}
	defer answer.Body.Close()
	_, _ = io.Copy(io.Discard, io.LimitReader(answer.Body, 1<<16)) // so that the connection can be used again
	if answer.StatusCode < 200 || answer.StatusCode > 299 {
		return fmt.Errorf("the receiver answered %s", answer.Status)
	}
	return nil
}

func (o *PushOptions) body(part prometheus.Gatherer) (io.Reader, error) {
	families, err := part.Gather()
	if err != nil {
		return nil, fmt.Errorf("gather: %w", err)
	}
	var b bytes.Buffer
	var w io.Writer = &b
	if !o.Plain {
		z := gzip.NewWriter(&b)
		defer z.Close() // a second Close does nothing
		w = z
	}
	e := expfmt.NewEncoder(w, expfmt.NewFormat(expfmt.TypeTextPlain))
	for _, f := range families {
		if err := e.Encode(f); err != nil {
			return nil, fmt.Errorf("encode %s: %w", f.GetName(), err)
		}
	}
	if z, ok := w.(*gzip.Writer); ok {
		if err := z.Close(); err != nil {
			return nil, fmt.Errorf("compress: %w", err)
		}
	}
	return &b, nil
}

// target is the address with the extra labels, as VictoriaMetrics reads them.
func (o *PushOptions) target() (string, error) {
	u, err := url.Parse(o.URL)
	if err != nil {
		return "", fmt.Errorf("read METRICS_PUSHER_URL: %w", err)
	}
	q := u.Query()
	for _, l := range o.ExtraLabels {
		q.Add("extra_label", l)
	}
	u.RawQuery = q.Encode()
	return u.String(), nil
}

// pushFault names what went wrong as upstream does.
func pushFault(err error) *codes.Fault {
	if late, ok := errors.AsType[interface {
		error
		Timeout() bool
	}](err); ok && late.Timeout() {
		return codes.Wrap(codes.MetricsPusherTimeout, err, "")
	}
	return codes.Wrap(codes.MetricsPusherFailed, err, "")
}
