package main

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"
)

// operation is what the program's log says of one operation: when its outcome
// was stored, and on what its time went. Wait in the queue comes before it took
// what it took; the others are part of that.
type operation struct {
	Message   string        `json:"msg"`
	Time      time.Time     `json:"time"`
	User      string        `json:"user"`
	Outcome   string        `json:"outcome"`
	Took      time.Duration `json:"took"`
	Queue     time.Duration `json:"queue"`
	Limiter   time.Duration `json:"limiter"`
	Directory time.Duration `json:"directory"`
	App       time.Duration `json:"app"`
}

// journal reads the operations out of the program's log, while it is open.
type journal struct {
	mu     sync.Mutex
	line   []byte
	byUser map[string]operation // nil while it is closed
}

// Write implements io.Writer.
func (j *journal) Write(data []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.byUser == nil {
		return len(data), nil
	}
	j.line = append(j.line, data...)
	for {
		line, rest, whole := bytes.Cut(j.line, []byte("\n"))
		if !whole {
			return len(data), nil
		}
		var op operation
		if json.Unmarshal(line, &op) == nil && op.Message == "operation" && op.Outcome == "done" {
			j.byUser[op.User] = op
		}
		j.line = append(j.line[:0], rest...)
	}
}

// mean is what operations took on average.
func mean(all map[string]operation) (m operation) {
	for _, op := range all {
		m.Took += op.Took
		m.App += op.App
		m.Limiter += op.Limiter
		m.Directory += op.Directory
	}
	n := time.Duration(max(len(all), 1))
	m.Took, m.App, m.Limiter, m.Directory = m.Took/n, m.App/n, m.Limiter/n, m.Directory/n
	return m
}

// open begins to read.
func (j *journal) open() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.line, j.byUser = nil, map[string]operation{}
}

// done is on how many users an operation was done since it was opened.
func (j *journal) done() int {
	j.mu.Lock()
	defer j.mu.Unlock()
	return len(j.byUser)
}

// close ends it, and returns the last operation on each user.
func (j *journal) close() map[string]operation {
	j.mu.Lock()
	defer j.mu.Unlock()
	found := j.byUser
	j.byUser = nil
	return found
}
