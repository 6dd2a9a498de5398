package embedded

import (
	"bufio"
	"io"
	"os"
	"strings"
	"sync"
)

const (
	logLimit  = 4 << 20 // bytes of postgres.log before it becomes postgres.log.1: at most twice this on disk
	tailLines = 20      // kept in memory for errors
)

// logFile is where Postgres' own words go: a bounded file, and the last lines in memory. Safe for concurrent use.
type logFile struct {
	home *home
	mu   sync.Mutex
	file *os.File // nil after a failed rotation: then only the tail is kept
	size int64
	tail []string
}

func openLog(h *home) (*logFile, error) {
	l := &logFile{home: h}
	return l, l.open()
}

// open opens the file to append to. Call with mu held, or before the logFile is shared.
func (l *logFile) open() error {
	f, err := l.home.root.OpenFile(logName, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o600)
	if err != nil {
		return err
	}
	st, err := f.Stat()
	if err != nil {
		_ = f.Close() // nothing was written
		return err
	}
	l.file, l.size = f, st.Size()
	return l.home.give(logName)
}

// drain copies lines from r until it ends, then closes it. A line over 64 KiB (a long statement in an error) is cut.
func (l *logFile) drain(r io.ReadCloser) {
	defer func() { _ = r.Close() }()
	b := bufio.NewReaderSize(r, 64<<10)
	for {
		line, err := b.ReadSlice('\n')
		if err == bufio.ErrBufferFull { //nolint:errorlint // ReadSlice returns it bare
			line[len(line)-1] = '\n'
		}
		if len(line) > 0 {
			l.add(line)
		}
		for err == bufio.ErrBufferFull { //nolint:errorlint // ReadSlice returns it bare
			_, err = b.ReadSlice('\n')
		}
		if err != nil {
			return
		}
	}
}

func (l *logFile) add(line []byte) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = append(l.tail, strings.TrimRight(string(line), "\n"))
	if len(l.tail) > tailLines {
		l.tail = append(l.tail[:0], l.tail[len(l.tail)-tailLines:]...)
	}
	if l.file == nil {
		return
	}
	if l.size+int64(len(line)) > logLimit {
		_ = l.file.Close() // what it lost, if anything, is old
		l.file = nil
		_ = l.home.root.Rename(logName, logName+".1")
		if l.open() != nil {
			return
		}
	}
	n, _ := l.file.Write(line) // a full disk loses the log, not the database
	l.size += int64(n)
}

// last returns the last lines since the tail was forgotten.
func (l *logFile) last() []string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return append([]string(nil), l.tail...)
}

// forget empties the tail, before a start whose own words are wanted.
func (l *logFile) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.tail = nil
}

func (l *logFile) close() {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.file != nil {
		_ = l.file.Close()
		l.file = nil
	}
}
