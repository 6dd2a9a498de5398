package main

import (
	"testing"
	"time"

	"realtime/actors"
)

func TestJanitorVariables(t *testing.T) {
	if got, want := mustLoad(t, nil).Upkeep, (actors.Upkeep{First: 10 * time.Minute, Every: 4 * time.Hour, Randomize: true, Chunk: 10}); got != want {
		t.Errorf("unset: got %+v, want %+v", got, want)
	}
	got := mustLoad(t, env{
		"RUN_JANITOR": "true", "JANITOR_RUN_AFTER_IN_MS": "1", "JANITOR_SCHEDULE_TIMER_IN_MS": "2000", "JANITOR_SCHEDULE_RANDOMIZE": "false",
		"JANITOR_CHUNK_SIZE": "3", "JANITOR_MAX_CHILDREN": "4", "JANITOR_CHILDREN_TIMEOUT": "5", "JANITOR_CLEANUP_MAX_CHILDREN": "44", "JANITOR_CLEANUP_CHILDREN_TIMEOUT": "55",
	}).Upkeep
	if want := (actors.Upkeep{Janitor: true, First: time.Millisecond, Every: 2 * time.Second, Chunk: 3, Workers: 4, Timeout: 5 * time.Millisecond}); got != want {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if got := mustLoad(t, env{"JANITOR_CLEANUP_MAX_CHILDREN": "44", "JANITOR_CLEANUP_CHILDREN_TIMEOUT": "55"}).Upkeep; got.Workers != 44 || got.Timeout != 55*time.Millisecond {
		t.Errorf("the documented names alone: got %+v", got)
	}
}
