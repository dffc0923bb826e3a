package api

import (
	"encoding/json"
	"net/http"
	"strconv"
	"strings"

	"github.com/danielgtaylor/huma/v2"
)

// statuses are the refusals that a call may answer with; the framework adds
// those of every call that takes input.
func statuses(method, path string) []int {
	list := []int{http.StatusUnauthorized, http.StatusInternalServerError, http.StatusServiceUnavailable}
	if strings.Contains(path, "{") || strings.HasSuffix(path, "/events") {
		list = append(list, http.StatusNotFound)
	}
	if method != http.MethodGet || strings.Contains(path, "/directory/") || strings.Contains(path, "/users/") || strings.HasSuffix(path, "/events") {
		list = append(list, http.StatusConflict)
	}
	if method == http.MethodPut || method == http.MethodPost {
		list = append(list, http.StatusRequestEntityTooLarge, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity)
	}
	return list
}

// meaning says what a refusal's status means on every call.
func meaning(status int) string {
	switch status {
	case http.StatusUnauthorized:
		return "No bearer token, or not the administrator's"
	case http.StatusNotFound:
		return "There is no such user, or no such preview any more"
	case http.StatusConflict:
		return "Not now: the detail says what must happen first"
	case http.StatusRequestEntityTooLarge:
		return "The body is too large"
	case http.StatusUnsupportedMediaType:
		return "The body is not sent as JSON"
	case http.StatusUnprocessableEntity:
		return "Not valid: the errors name the fields"
	case http.StatusServiceUnavailable:
		return "The directory, the app or the store gives no usable answer: try again after Retry-After"
	}
	return "An error of this program: its log says more under the request id"
}

// document is the OpenAPI document of all registered calls.
func document(doc *huma.OpenAPI) []byte {
	for _, item := range doc.Paths {
		for _, op := range []*huma.Operation{item.Get, item.Put, item.Post, item.Delete} {
			if op == nil {
				continue
			}
			for code, response := range op.Responses {
				if status, err := strconv.Atoi(code); err == nil && status >= http.StatusBadRequest {
					response.Description = meaning(status)
				}
			}
		}
	}
	data, err := json.Marshal(doc)
	if err != nil {
		panic("api: the OpenAPI document does not marshal: " + err.Error())
	}
	return data
}
