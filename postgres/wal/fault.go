package wal

import (
	"context"
	"errors"
	"fmt"

	"realtime/postgres"
	"realtime/protocol/codes"
)

// Causes of the faults that Open and Run return, for errors.Is. The fault around them has the code and says what to do.
var (
	// ErrClosed: the stream was closed by its owner.
	ErrClosed = errors.New("stream is closed")
	// ErrSlotInUse: another session reads the slot; see InUseError for which.
	ErrSlotInUse = errors.New("replication slot is in use")
	// ErrSlotLost: a durable slot no longer has the WAL it promised. Drop it (DropSlot), open anew, and tell everybody
	// that changes were missed.
	ErrSlotLost = errors.New("replication slot is invalidated")
	// ErrNoPublication: what to stream does not exist.
	ErrNoPublication = errors.New("publication does not exist")
)

// InUseError is the cause of a ReplicationSlotBeingUsed fault. It matches ErrSlotInUse.
type InUseError struct {
	Slot string
	PID  int // of the backend that holds it, 0 if that is not known
}

// Error names slot and backend.
func (e *InUseError) Error() string {
	return fmt.Sprintf("slot %q is held by backend %d", e.Slot, e.PID)
}

// Is makes errors.Is(err, ErrSlotInUse) true.
func (e *InUseError) Is(target error) bool { return target == ErrSlotInUse }

// inUse is the fault of a slot that pid reads.
func (o *Options) inUse(pid int, err error) error {
	cause := error(&InUseError{Slot: o.Slot, PID: pid})
	if err != nil {
		cause = fmt.Errorf("%w: %w", cause, err)
	}
	return codes.Wrap(codes.ReplicationSlotBeingUsed, cause,
		"replication slot %q is read by another session (backend %d); end it, or wait until it lets go", o.Slot, pid)
}

func (o *Options) lost(err error) error {
	cause := ErrSlotLost
	if err != nil {
		cause = fmt.Errorf("%w: %w", cause, err)
	}
	return codes.Wrap(codes.ReplicationSlotNotAlive, cause,
		"replication slot %q is invalidated: the WAL it needs is gone (max_slot_wal_keep_size); drop it, changes since then are lost", o.Slot)
}

func (o *Options) noPublication(err error) error {
	cause := ErrNoPublication
	if err != nil {
		cause = fmt.Errorf("%w: %w", cause, err)
	}
	return codes.Wrap(codes.StartReplicationFailed, cause,
		"publication %q does not exist; run: create publication %s", o.Publication, quoteName(o.Publication))
}

// fault gives an error of Postgres or of the connection its code. doing says what was tried, for the text of what has no
// code of its own.
func (o *Options) fault(err error, code codes.Code, doing string) error {
	switch postgres.State(err) {
	case "55006": // object_in_use
		return o.inUse(0, err)
	case "53300", "53400": // too_many_connections, configuration_limit_exceeded
		return codes.Wrap(codes.ReplicationMaxWalSendersReached, err,
			"the database has no connection or slot left for replication; raise max_wal_senders, max_replication_slots or max_connections, or end unused ones")
	case "42501": // insufficient_privilege
		return codes.Wrap(codes.StartReplicationFailed, err,
			"database user %q may not replicate; run: alter role %s replication", o.Settings.User, quoteName(o.Settings.User))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return codes.Wrap(codes.ReplicationConnectionTimeout, err, "%s took too long", doing)
	}
	return codes.Wrap(code, err, "%s failed", doing)
}
