package secrets

import (
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"sync"
)

// indiscreet is an app that, when told, answers with what it was sent.
type indiscreet struct {
	app http.Handler

	mu     sync.Mutex
	manner string
	times  int
	tokens map[string]bool
}

// behave makes the next calls be answered in a manner; the zero number is none.
func (a *indiscreet) behave(manner string, times int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.manner, a.times = manner, times
}

func (a *indiscreet) left() int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.times
}

func (a *indiscreet) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	header := r.Header.Get("Authorization")
	token := strings.TrimPrefix(header, "Bearer ")
	a.mu.Lock()
	a.tokens[token] = true
	manner := a.manner
	if a.times--; a.times < 0 {
		manner, a.times = "", 0
	}
	a.mu.Unlock()
	said := fmt.Sprintf("no such token: %s, in part %s, %s, %s %s, request %s %s Authorization: %s", token, token[5:len(token)-5], strings.ToLower(token),
		base64.StdEncoding.EncodeToString([]byte(header)), hex.EncodeToString([]byte(token)), r.Method, r.URL, header)
	scimError := func(status int) {
		w.Header().Set("Content-Type", "application/scim+json")
		w.Header().Set("WWW-Authenticate", `Bearer error_description="`+token+`"`)
		w.WriteHeader(status)
		_ = json.NewEncoder(w).Encode(map[string]any{"schemas": []string{"urn:ietf:params:scim:api:messages:2.0:Error"},
			"status": fmt.Sprint(status), "scimType": token, "detail": said})
	}
	switch manner {
	case "unauthorized":
		scimError(http.StatusUnauthorized)
	case "refused":
		scimError(http.StatusBadRequest)
	case "broken":
		scimError(http.StatusInternalServerError)
	case "page":
		w.Header().Set("Content-Type", "text/html")
		w.WriteHeader(http.StatusBadGateway)
		fmt.Fprintf(w, "<html>%s</html>", said)
	case "message":
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusTeapot)
		_ = json.NewEncoder(w).Encode(map[string]string{"error": said})
	case "redirect":
		http.Redirect(w, r, "http://"+r.Host+"/elsewhere?access_token="+token, http.StatusTemporaryRedirect)
	case "cut":
		w.Header().Set("Content-Length", "5000")
		fmt.Fprint(w, said)
	case "notHTTP":
		conn, _, err := http.NewResponseController(w).Hijack()
		if err == nil {
			fmt.Fprintf(conn, "%s\r\n\r\n", token)
			conn.Close()
		}
	default:
		a.app.ServeHTTP(w, r)
	}
}
