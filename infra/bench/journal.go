package main

import (
	"bytes"
	"encoding/json"
	"sync"
	"time"
)

// operation is what the program's log says of the time of one operation. Wait
// in the queue comes before it took what it took; the others are part of that.
type operation struct {
	Message   string        `json:"msg"`
	User      string        `json:"user"`
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
		if json.Unmarshal(line, &op) == nil && op.Message == "operation" {
			j.byUser[op.User] = op
		}
		j.line = append(j.line[:0], rest...)
	}
}

// open begins to read.
func (j *journal) open() {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.line, j.byUser = nil, map[string]operation{}
}

// close ends it, and returns the last operation on each user.
func (j *journal) close() map[string]operation {
	j.mu.Lock()
	defer j.mu.Unlock()
	found := j.byUser
	j.byUser = nil
	return found
}
