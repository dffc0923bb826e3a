package sweep

import (
	"encoding/json"

	"example.com/autoprovision/shared/tasks"
)

// Delivery is the body of whatever comes through the queue of sweeps: a sweep
// or preview to work on, or, when it names neither, why to ask for a sweep.
type Delivery struct {
	Task
	// Cause is the sweep's; empty for the schedule.
	Cause string `json:"cause,omitempty"`
}

// RequestTask is the task that asks for a sweep when it is delivered.
func RequestTask(name, cause string) tasks.Task {
	body, err := json.Marshal(Delivery{Cause: cause})
	if err != nil {
		panic("sweep: delivery does not marshal: " + err.Error())
	}
	return tasks.Task{Queue: tasks.Sweep, Name: name, Body: body}
}
