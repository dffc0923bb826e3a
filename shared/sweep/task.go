package sweep

import (
	"encoding/json"
	"fmt"

	"example.com/autoprovision/shared/tasks"
)

// Task is the body of whatever comes through the queue of sweeps: a sweep or a
// preview to work on, or, when it names neither, why to ask for a sweep.
type Task struct {
	SweepID   string `json:"sweepId,omitempty"`
	PreviewID string `json:"previewId,omitempty"`
	// Cause is the sweep's that is asked for; empty for the schedule.
	Cause string `json:"cause,omitempty"`
}

// RequestTask is the task that asks for a sweep when it is delivered.
func RequestTask(name, cause string) tasks.Task { return task(name, Task{Cause: cause}) }

// PreviewTask is the task that runs a preview.
func PreviewTask(id string) tasks.Task { return task("preview-"+id, Task{PreviewID: id}) }

// sweepTask is the task that works on a sweep for a turn.
func sweepTask(id string, turn int64) tasks.Task {
	return task(fmt.Sprintf("sweep-%s-%d", id, turn), Task{SweepID: id})
}

func task(name string, body Task) tasks.Task {
	data, err := json.Marshal(body)
	if err != nil {
		panic("sweep: task does not marshal: " + err.Error())
	}
	return tasks.Task{Queue: tasks.Sweep, Name: name, Body: data}
}
