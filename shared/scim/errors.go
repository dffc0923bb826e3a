package scim

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"net/http"
	"regexp"
	"strconv"
	"strings"
	"time"

	"example.com/autoprovision/shared/clock"
	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/secrets"
)

// classify gives a reply its fault; nil for one that can be used.
func classify(q request, r reply, token secrets.Value) error {
	if r.status >= 200 && r.status < 300 {
		if r.object == nil && !r.empty {
			return fault.New(fault.Unavailable, q.op, "status %d with a body that is no JSON object; the base URL may be wrong", r.status)
		}
		return nil
	}
	f := &fault.Error{Kind: kindOf(q, r), Op: q.op, Detail: describe(q, r, token)}
	if f.Kind == fault.Throttled || f.Kind == fault.Unavailable {
		f.RetryAfter = retryAfter(r.header.Get("Retry-After"), clock.System())
	}
	return f
}

// kindOf maps a status outside 2xx to what can be done about it.
func kindOf(q request, r reply) fault.Kind {
	switch s := r.status; {
	case s >= 400 && s < 500 && strings.EqualFold(r.scimType, "uniqueness"):
		return fault.Conflict
	case s == http.StatusUnauthorized:
		return fault.Unauthorized
	case s == http.StatusForbidden:
		return fault.Forbidden
	case s == http.StatusNotFound && r.scim:
		return fault.NotFound
	case s == http.StatusNotFound:
		// Of whatever is before the app: the address leads nowhere, which says nothing about an account.
		return fault.Unavailable
	case s == http.StatusConflict && (q.method == http.MethodPost || q.names):
		return fault.Conflict
	case s == http.StatusTooManyRequests:
		return fault.Throttled
	case s == http.StatusRequestTimeout, s == http.StatusTooEarly, s == http.StatusPreconditionFailed:
		return fault.Unavailable
	case s == http.StatusNotImplemented:
		return fault.Invalid
	case s >= 400 && s < 500:
		// A 409 on suspend or delete is here too: a rule such as "the last
		// administrator stays", and no duplicate.
		return fault.Invalid
	default: // 1xx, 3xx and 5xx
		return fault.Unavailable
	}
}

// describe is the sentence for an administrator.
func describe(q request, r reply, token secrets.Value) string {
	text := "status " + strconv.Itoa(r.status)
	if r.scimType != "" {
		text += " " + cut(redact(r.scimType, token), 40)
	}
	if said := cmp.Or(r.detail, message(r.object)); said != "" {
		return text + ": " + cut(redact(said, token), 300)
	}
	switch s := r.status; {
	case s >= 300 && s < 400:
		return text + ": a redirect, which is never followed with the token; set the base URL to where it leads if that is right"
	case s == http.StatusNotFound && !r.scim:
		return text + " that is no SCIM answer; the base URL may be wrong"
	case s == http.StatusMethodNotAllowed || s == http.StatusNotImplemented:
		return text + ": the app does not support " + q.method + " here"
	case s == http.StatusUnsupportedMediaType || s == http.StatusNotAcceptable:
		return text + ": the app does not take this media type; try the other one"
	}
	return text
}

// message is where APIs that are not quite SCIM put their sentence.
func message(object map[string]any) string {
	for _, key := range []string{"message", "error_description", "error"} {
		if text, ok := lookup(object, key).(string); ok {
			return text
		}
	}
	return ""
}

// retryAfter reads a Retry-After header (RFC 9110 section 10.2.3); 0 when
// there is none that can be read, or it has passed. At most a day counts.
func retryAfter(value string, now time.Time) time.Duration {
	var wait time.Duration
	if seconds, err := strconv.ParseInt(strings.TrimSpace(value), 10, 64); err == nil {
		wait = time.Duration(min(seconds, 86_400)) * time.Second
	} else if at, err := http.ParseTime(value); err == nil {
		wait = at.Sub(now)
	}
	return min(max(wait, 0), 24*time.Hour)
}

var (
	addressPattern = regexp.MustCompile(`[^\s"'<>(),;:=\[\]]+(?:@|%40)[^\s"'<>(),;\[\]]+`)
	bearerPattern  = regexp.MustCompile(`(?i)bearer[\s:=%]+\S+`)
)

// pieceOfToken is how many characters in a row make text look like the token.
const pieceOfToken = 8

// redact takes e-mail addresses and whatever looks like the token, or a piece
// of it, out of a text that the app or the network wrote.
func redact(text string, token secrets.Value) string {
	text = cut(text, 2000)
	secret := token.Reveal()
	if secret != "" {
		text = strings.ReplaceAll(text, secret, "***")
	}
	text = bearerPattern.ReplaceAllString(text, "***")
	text = addressPattern.ReplaceAllString(text, "[address]")
	for _, form := range forms(secret) {
		text = withoutPieces(text, form)
	}
	return text
}

// forms are the ways in which a text may hold a secret: as it is, in
// hexadecimal digits, and in base64, wherever in what was encoded it begins.
func forms(secret string) []string {
	list := []string{secret, hex.EncodeToString([]byte(secret))}
	for skip := range min(3, len(secret)) {
		whole := []byte(secret[skip : len(secret)-(len(secret)-skip)%3]) // of the characters that no neighbour shares
		list = append(list, base64.RawStdEncoding.EncodeToString(whole), base64.RawURLEncoding.EncodeToString(whole))
	}
	return list
}

// withoutPieces replaces every run of text of pieceOfToken bytes or more that
// also stands in the secret, whatever its case.
func withoutPieces(text, secret string) string {
	lowText, lowSecret := lowerASCII(text), lowerASCII(secret)
	var out strings.Builder
	for i := 0; i < len(text); {
		n := 0
		for j := i + pieceOfToken; j <= len(text) && strings.Contains(lowSecret, lowText[i:j]); j++ {
			n = j - i
		}
		if n == 0 {
			out.WriteByte(text[i])
			i++
			continue
		}
		out.WriteString("***")
		i += n
	}
	return out.String()
}

// lowerASCII keeps the number of bytes, which strings.ToLower does not.
func lowerASCII(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// cut keeps the first n characters, on one line and printable.
func cut(text string, n int) string {
	runes := []rune(strings.Join(strings.Fields(strings.ToValidUTF8(text, "")), " "))
	if len(runes) > n {
		return string(runes[:n-1]) + "…"
	}
	return string(runes)
}
