package gcp

import (
	"encoding/base64"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"slices"
	"strings"
)

// request is one call of an API, its version cut off.
type request struct {
	api, name, method string
	query             url.Values
	body              object
}

// kind is a collection of resources of an API.
type kind struct {
	api, collection string
	// items is the key of a list; idQuery and idBody where a new one's name comes
	// from: neither for a generated one.
	items, idQuery, idBody string
	// long is true when a change is a long operation.
	long bool
	// made is what the service itself adds to a new resource.
	made object
}

var kinds = []kind{
	{api: "iam", collection: "serviceAccounts", items: "accounts", idBody: "accountId"},
	{api: "iam", collection: "roles", items: "roles", idBody: "roleId"},
	{api: "firestore", collection: "databases", items: "databases", idQuery: "databaseId", long: true},
	{api: "firestore", collection: "indexes", items: "indexes", long: true, made: object{"state": "READY"}},
	{api: "firestore", collection: "fields", items: "fields", long: true},
	{api: "secretmanager", collection: "secrets", items: "secrets", idQuery: "secretId"},
	{api: "secretmanager", collection: "versions", items: "versions"},
	{api: "cloudtasks", collection: "queues", items: "queues", idBody: "name", made: object{"state": "RUNNING"}},
	{api: "pubsub", collection: "topics", items: "topics"},
	{api: "pubsub", collection: "subscriptions", items: "subscriptions"},
	{api: "cloudfunctions", collection: "functions", items: "functions", idQuery: "functionId", long: true,
		made: object{"state": "ACTIVE", "environment": "GEN_2"}},
	{api: "run", collection: "services", items: "items"},
	{api: "cloudscheduler", collection: "jobs", items: "jobs", idBody: "name", made: object{"state": "ENABLED"}},
	{api: "logging", collection: "metrics", items: "metrics", idBody: "name"},
	{api: "logging", collection: "sinks", items: "sinks", idBody: "name"},
	{api: "monitoring", collection: "alertPolicies", items: "alertPolicies"},
	{api: "monitoring", collection: "notificationChannels", items: "notificationChannels"},
	{api: "monitoring", collection: "dashboards", items: "dashboards", idBody: "name"},
}

// operations are the types of operations' metadata, without which gcloud crashes.
var operations = map[string]string{"firestore": "google.firestore.admin.v1.CreateDatabaseMetadata", "cloudfunctions": "google.cloud.functions.v2.OperationMetadata"}

// reads reports whether the request changes nothing by its nature.
func (q request) reads() bool {
	return q.method == http.MethodGet || strings.HasSuffix(q.name, ":getIamPolicy") || strings.HasSuffix(q.name, ":generateUploadUrl") ||
		strings.HasSuffix(q.name, ":signJwt") || strings.HasSuffix(q.name, ":queryTestablePermissions")
}

// what names the change; for a policy by what is added to it and taken from it.
func (q request) what(before snapshot) string {
	thing, ok := strings.CutSuffix(q.name, ":setIamPolicy")
	if !ok {
		id := text(q.body, "name") + text(q.body, "accountId") + text(q.body, "roleId") + text(q.body, "displayName") + q.query.Encode()
		if fields, _ := q.body["fields"].([]any); fields != nil {
			id += fmt.Sprint(fields)
		}
		return q.method + " " + q.api + " " + q.name + " " + id
	}
	old := bindings(before.policies[q.api+" "+thing])
	policy, _ := q.body["policy"].(object)
	var added []string
	for row := range bindings(policy) {
		if !old[row] {
			added = append(added, row)
		}
	}
	slices.Sort(added)
	return fmt.Sprint("policy ", q.api, " ", thing, added)
}

func text(o object, key string) string {
	s, _ := o[key].(string)
	return s
}

func (c *cloud) handle(q request) (object, error) {
	if rest, ok := strings.CutPrefix(q.name, "serving.knative.dev/v1/namespaces/"+project+"/"); ok {
		q.name = locations + "/" + rest
	}
	name, verb, _ := strings.Cut(q.name, ":")
	if err := c.notYet(q, name, verb); err != nil {
		return nil, err
	}
	switch q.api {
	case "serviceusage":
		return c.services(q)
	case "cloudresourcemanager":
		if q.method == http.MethodGet {
			return object{"projectId": project, "projectNumber": number, "name": project, "lifecycleState": "ACTIVE"}, nil
		}
		name = "projects/" + project
	case "cloudfunctions":
		if q.method == http.MethodGet && strings.HasSuffix(name, "/runtimes") {
			return object{"runtimes": []object{{"name": "go126", "stage": "GA", "environment": "GEN_2"}}}, nil
		}
	}
	switch {
	case verb != "":
		return c.act(q, name, verb)
	case strings.HasSuffix(name, "/operations/denied"):
		return denied(name), nil
	case strings.Contains(name, "/operations/"):
		c.busy = c.busy && q.api != "firestore"
		return object{"name": name, "done": true, "response": object{}, "metadata": object{"@type": "type.googleapis.com/" + operations[q.api]}}, nil
	}
	parts := strings.Split(name, "/")
	last := parts[len(parts)-1]
	for _, k := range kinds {
		switch {
		case k.api != q.api:
		case last == k.collection && len(parts)%2 == 1:
			if q.method == http.MethodGet {
				return c.list(k, name), nil
			}
			return c.create(k, q, name)
		case len(parts) > 1 && parts[len(parts)-2] == k.collection:
			return c.resource(k, q, name)
		}
	}
	return nil, nil
}

// notYet is what is answered for a while about what is new, or changes beside.
func (c *cloud) notYet(q request, name, verb string) error {
	is := func(what string, when bool) bool {
		if !when || c.late[what] == 0 {
			return false
		}
		c.late[what]--
		return true
	}
	changes := !q.reads() && q.api == "firestore" && strings.Contains(name, "/collectionGroups/")
	switch {
	case is("indexes", changes):
		return &failure{http.StatusConflict, "ABORTED", "Please retry, underlying data changed"}
	case changes && c.busy && strings.Contains(name, "/fields/"):
		return &failure{http.StatusBadRequest, "FAILED_PRECONDITION", "another change of a field has not ended"}
	case is("queue", verb == "setIamPolicy" && q.api == "cloudtasks"):
		return notFound("Queue does not exist. If you just created the queue, wait at least a minute for the queue to initialize.")
	case is("policy", verb == "setIamPolicy" && q.api == "cloudresourcemanager"):
		if policy := c.policies["cloudresourcemanager projects/"+project]; policy != nil {
			policy["etag"] = "BwE=" // somebody has changed it
		}
	}
	return nil
}

// denied is a build that was not let read its source.
func denied(name string) object {
	return object{"name": name, "done": true, "metadata": object{"@type": "type.googleapis.com/" + operations["cloudfunctions"]},
		"error": object{"code": 3, "message": "Build failed with status: FAILURE. Could not build the function due to a missing permission on the build service account."}}
}

func (c *cloud) services(q request) (object, error) {
	switch {
	case strings.HasSuffix(q.name, "services:batchEnable"):
		for _, id := range q.body["serviceIds"].([]any) {
			c.on[id.(string)] = true
			c.late[id.(string)] = 1
		}
		return object{"name": "operations/acat.1", "done": true, "response": object{}}, nil
	case strings.HasSuffix(q.name, ":enable"):
		id := q.name[strings.LastIndex(q.name, "/")+1:]
		c.on[strings.TrimSuffix(id, ":enable")] = true
		c.late[strings.TrimSuffix(id, ":enable")] = 1
		return object{"name": "operations/acat.1", "done": true, "response": object{}}, nil
	case strings.HasSuffix(q.name, ":generateServiceIdentity"):
		c.agent = true
		return object{"name": "operations/finished.1", "done": true, "response": object{"email": agent, "uniqueId": "1"}}, nil
	case strings.HasSuffix(q.name, "/services"):
		all := []object{}
		for _, id := range slices.Sorted(maps.Keys(c.on)) {
			all = append(all, object{"name": "projects/" + number + "/services/" + id, "config": object{"name": id}, "state": "ENABLED"})
		}
		return object{"services": all}, nil
	case strings.Contains(q.name, "/services/"):
		id := q.name[strings.LastIndex(q.name, "/")+1:]
		state := "DISABLED"
		if c.on[id] {
			state = "ENABLED"
		}
		return object{"name": q.name, "config": object{"name": id}, "state": state}, nil
	}
	return nil, nil
}

// list answers with all of a collection; - in a parent stands for any.
func (c *cloud) list(k kind, name string) object {
	pattern := strings.Split(name, "/")
	all := []object{}
	for _, key := range slices.Sorted(maps.Keys(c.things)) {
		full, ok := strings.CutPrefix(key, k.api+" ")
		parts := strings.Split(full, "/")
		if !ok || len(parts) != len(pattern)+1 {
			continue
		}
		if !slices.EqualFunc(parts[:len(pattern)], pattern, func(is, want string) bool { return is == want || want == "-" }) {
			continue
		}
		all = append(all, c.things[key])
	}
	return object{k.items: all}
}

func (c *cloud) create(k kind, q request, parent string) (object, error) {
	id := text(q.body, k.idBody)
	if k.idQuery != "" {
		id = q.query.Get(k.idQuery)
	}
	if k.idQuery == "" && k.idBody == "" {
		c.serial++
		id = fmt.Sprint(c.serial)
	}
	thing := q.body
	if k.collection == "serviceAccounts" {
		c.serial++
		thing, _ = q.body["serviceAccount"].(object)
		id += "@" + project + ".iam.gserviceaccount.com"
		maps.Copy(thing, object{"email": id, "uniqueId": fmt.Sprint(100000000000000000 + c.serial), "projectId": project})
	}
	if k.collection == "roles" {
		thing, _ = q.body["role"].(object)
	}
	full := parent + "/" + id[strings.LastIndex(id, "/")+1:]
	if _, known := c.things[k.api+" "+full]; known {
		return nil, &failure{http.StatusConflict, "ALREADY_EXISTS", "Resource " + full + " already exists."}
	}
	if err := c.needs(k, full, thing); err != nil {
		return nil, err
	}
	if k.collection == "functions" && c.late["build"] > 0 {
		c.late["build"]--
		return denied(parent + "/operations/denied"), nil
	}
	maps.Copy(thing, k.made)
	return c.put(k, full, thing), nil
}

// put keeps a resource, and answers with it or with a long operation that has ended.
func (c *cloud) put(k kind, full string, thing object) object {
	thing["name"] = full
	if k.api == "logging" { // whose names have no path
		thing["name"] = full[strings.LastIndex(full, "/")+1:]
	}
	switch k.collection {
	case "functions":
		at := strings.Replace(full, "/functions/", "/services/", 1)
		config, _ := thing["serviceConfig"].(object)
		config["service"] = at
		if _, known := c.things["run "+at]; !known {
			c.things["run "+at] = service(at)
		}
	case "databases":
		if text(thing, "pointInTimeRecoveryEnablement") == "" {
			thing["pointInTimeRecoveryEnablement"] = "POINT_IN_TIME_RECOVERY_DISABLED"
		}
	case "indexes":
		fields, _ := thing["fields"].([]any)
		thing["fields"] = append(fields, object{"fieldPath": "__name__", "order": fields[len(fields)-1].(object)["order"]})
	case "sinks":
		thing["writerIdentity"] = "serviceAccount:service-org-" + organization + "@gcp-sa-logging.iam.gserviceaccount.com"
	case "dashboards":
		c.serial++
		thing["etag"] = fmt.Sprint(c.serial)
	}
	c.things[k.api+" "+full] = thing
	if !k.long {
		return thing
	}
	return k.ended(full, thing)
}

// service is a new service of Cloud Run, which asks everybody for a role.
func service(full string) object {
	return object{"apiVersion": "serving.knative.dev/v1", "kind": "Service",
		"metadata": object{"name": full[strings.LastIndex(full, "/")+1:], "namespace": number, "annotations": object{}, "labels": object{}, "generation": 1},
		"spec":     object{"template": object{"metadata": object{"annotations": object{}}, "spec": object{"containers": []any{object{"image": "i"}}}}},
		"status":   object{"observedGeneration": 1, "conditions": []any{object{"type": "Ready", "status": "True"}}}}
}

// ended is a long operation on a resource that is over, but for one on a field, of
// which only who asks again learns that.
func (k kind) ended(full string, response object) object {
	parent := strings.Join(strings.Split(full, "/")[:4], "/") // of the database, or the location
	return object{"name": parent + "/operations/op", "done": k.collection != "fields", "metadata": object{"@type": "type.googleapis.com/" + operations[k.api]}, "response": response}
}

func (c *cloud) resource(k kind, q request, full string) (object, error) {
	thing, known := c.things[k.api+" "+full]
	if k.collection == "fields" && !known {
		thing, known = object{}, true // every field is there, as the database's default says
		if _, ok := c.things["firestore "+full[:strings.Index(full, "/collectionGroups")]]; !ok {
			return nil, notFound(full)
		}
	}
	makes := k.api == "pubsub" && q.method == http.MethodPut
	switch {
	case makes && known:
		return nil, &failure{http.StatusConflict, "ALREADY_EXISTS", "Resource already exists in the project."}
	case !known && !makes:
		return nil, notFound(full)
	case q.method == http.MethodGet:
		return thing, nil
	case q.method == http.MethodDelete:
		return c.remove(k, full, thing)
	}
	news := deepCopy(thing)
	if news == nil {
		news = object{}
	}
	in := q.body
	if k.api == "pubsub" && q.method == http.MethodPatch {
		in, _ = q.body[strings.TrimSuffix(k.collection, "s")].(object)
	}
	if k.collection == "dashboards" && text(in, "etag") != text(thing, "etag") {
		return nil, &failure{http.StatusConflict, "ABORTED", "the etag is old"}
	}
	maps.Copy(news, in)
	if k.collection == "functions" {
		maps.Copy(news, k.made)
	}
	c.busy = c.busy || k.collection == "fields"
	if mask := q.query.Get("updateMask"); k.collection == "fields" && strings.Contains(mask, "ttl") {
		news["ttlConfig"] = object{"state": "ACTIVE"}
	}
	if err := c.needs(k, full, news); err != nil {
		return nil, err
	}
	return c.put(k, full, news), nil
}

func (c *cloud) remove(k kind, full string, thing object) (object, error) {
	if text(thing, "deleteProtectionState") == "DELETE_PROTECTION_ENABLED" {
		return nil, &failure{http.StatusPreconditionFailed, "FAILED_PRECONDITION", "Delete protection is enabled"}
	}
	for key := range c.things {
		if key == k.api+" "+full || strings.HasPrefix(key, k.api+" "+full+"/") {
			delete(c.things, key)
			delete(c.policies, key)
		}
	}
	if k.collection == "functions" {
		service := "run " + strings.Replace(full, "/functions/", "/services/", 1)
		delete(c.things, service)
		delete(c.policies, service)
	}
	if !k.long {
		return object{}, nil
	}
	return k.ended(full, object{}), nil
}

// act does what is written behind a colon.
func (c *cloud) act(q request, name, verb string) (object, error) {
	key := q.api + " " + name
	thing, known := c.things[key]
	switch verb {
	case "getIamPolicy", "setIamPolicy":
		if !known && q.api != "cloudresourcemanager" {
			return nil, notFound(name)
		}
		return c.policy(q, key, verb)
	case "queryTestablePermissions":
		return object{"permissions": []object{{"name": "cloudtasks.queues.update", "stage": "GA"}, {"name": "secretmanager.versions.list", "stage": "GA"}}}, nil
	case "generateUploadUrl":
		return object{"uploadUrl": c.server.URL + "/upload/source.zip", "storageSource": object{"bucket": "b", "object": "source.zip"}}, nil
	case "signJwt":
		return object{"keyId": "1", "signedJwt": "header." + base64.RawURLEncoding.EncodeToString([]byte(text(q.body, "payload"))) + ".signature"}, nil
	}
	if !known {
		return nil, notFound(name)
	}
	switch verb {
	case "pause", "resume":
		thing["state"] = map[string]string{"pause cloudtasks": "PAUSED", "resume cloudtasks": "RUNNING", "pause cloudscheduler": "PAUSED", "resume cloudscheduler": "ENABLED"}[verb+" "+q.api]
		return thing, nil
	case "purge":
		return thing, nil
	case "addVersion":
		data, err := base64.StdEncoding.DecodeString(text(q.body["payload"].(object), "data"))
		if err != nil || len(data) == 0 {
			return nil, invalid("the payload is empty")
		}
		c.serial++
		version := object{"name": fmt.Sprintf("%s/versions/%d", name, c.serial), "state": "ENABLED", "clientSpecifiedPayloadChecksum": true,
			"bytes": string(data)}
		c.things["secretmanager "+text(version, "name")] = version
		answer := maps.Clone(version)
		delete(answer, "bytes")
		return answer, nil
	}
	return nil, nil
}
