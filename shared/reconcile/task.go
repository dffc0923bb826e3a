package reconcile

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"time"

	"example.com/autoprovision/shared/tasks"
)

// LookTask is the task that asks for a look. The name is a hash of the user,
// as Cloud Tasks advises for even spreading, and what makes this task one of
// its kind: cause must differ where a second task for the same user is wanted.
func LookTask(req Request, cause string, at time.Time) tasks.Task {
	body, err := json.Marshal(req)
	if err != nil {
		panic("reconcile: request does not marshal: " + err.Error())
	}
	sum := sha256.Sum256([]byte(req.UserID + "\n" + cause))
	queue := tasks.Reconcile
	if req.SweepID != "" {
		queue = tasks.Bulk
	}
	return tasks.Task{Queue: queue, Name: "look-" + hex.EncodeToString(sum[:16]), Body: body, At: at}
}
