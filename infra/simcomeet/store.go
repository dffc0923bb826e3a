package simcomeet

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"
)

// account is one account. Its document is never changed in place, so that it
// can be written to a connection without a lock.
type account struct {
	// seq orders the accounts as they were made.
	seq                      int
	id, userName, externalID string
	active                   bool
	// version counts changes.
	version int
	created time.Time
	// managed is false while an account made by hand has no externalId from a client.
	managed bool
	// document is the whole resource as JSON.
	document []byte
}

// accounts are all accounts, in order and by what they are looked up by.
type accounts struct {
	lastSeq      int
	ordered      []*account
	byID         map[string]*account
	byName, byEx map[string][]*account
}

func newAccounts() accounts {
	return accounts{byID: map[string]*account{}, byName: map[string][]*account{}, byEx: map[string][]*account{}}
}

func foldName(name string) string { return strings.ToLower(name) }

// add makes an account of a resource that has been checked.
func (a *accounts) add(resource map[string]any, now time.Time, managed bool) *account {
	a.lastSeq++
	acc := &account{seq: a.lastSeq, id: fmt.Sprintf("cm-%06d", a.lastSeq), created: now, managed: managed}
	a.ordered = append(a.ordered, acc)
	a.byID[acc.id] = acc
	a.index(acc, resource, now)
	return acc
}

// change gives an account another document.
func (a *accounts) change(acc *account, resource map[string]any, now time.Time) {
	a.unindex(acc)
	a.index(acc, resource, now)
}

func (a *accounts) remove(acc *account) {
	a.unindex(acc)
	delete(a.byID, acc.id)
	if i, found := a.position(acc); found {
		a.ordered = slices.Delete(a.ordered, i, i+1)
	}
}

func (a *accounts) position(acc *account) (int, bool) {
	return slices.BinarySearchFunc(a.ordered, acc.seq, func(x *account, seq int) int { return x.seq - seq })
}

func (a *accounts) index(acc *account, resource map[string]any, now time.Time) {
	acc.version++
	resource["id"] = acc.id
	resource["meta"] = map[string]any{
		"resourceType": "User", "created": acc.created.UTC().Format(time.RFC3339Nano), "lastModified": now.UTC().Format(time.RFC3339Nano),
		"location": base + "/Users/" + acc.id, "version": acc.etag(),
	}
	acc.document = encode(resource)
	a.file(acc, resource)
}

// file notes what an account is looked up by.
func (a *accounts) file(acc *account, resource map[string]any) {
	acc.userName, _ = resource["userName"].(string)
	acc.externalID, _ = resource["externalId"].(string)
	acc.active, _ = resource["active"].(bool)
	a.byName[foldName(acc.userName)] = append(a.byName[foldName(acc.userName)], acc)
	if acc.externalID != "" {
		a.byEx[acc.externalID] = append(a.byEx[acc.externalID], acc)
	}
}

func (a *accounts) unindex(acc *account) {
	drop(a.byName, foldName(acc.userName), acc)
	drop(a.byEx, acc.externalID, acc)
}

func drop(index map[string][]*account, key string, acc *account) {
	rest := slices.DeleteFunc(index[key], func(x *account) bool { return x == acc })
	if len(rest) == 0 {
		delete(index, key)
		return
	}
	index[key] = rest
}

func (acc *account) etag() string { return fmt.Sprintf(`W/"%d"`, acc.version) }

// resource is a copy of the account's document that may be changed.
func (acc *account) resource() map[string]any {
	resource, err := decode(acc.document)
	if err != nil {
		panic("simcomeet: own document does not parse: " + err.Error())
	}
	return resource
}

func encode(v any) []byte {
	data, err := json.Marshal(v)
	if err != nil {
		panic("simcomeet: does not marshal: " + err.Error())
	}
	return data
}

// decode reads one JSON object, numbers as they are written.
func decode(data []byte) (map[string]any, error) {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var object map[string]any
	if err := d.Decode(&object); err != nil {
		return nil, err
	}
	if object == nil {
		return nil, fmt.Errorf("not an object")
	}
	return object, nil
}
