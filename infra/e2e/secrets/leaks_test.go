package secrets

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"strings"
	"testing"
)

// piece is how many characters of a secret in a row are a leak.
const piece = 8

// leaks looks for secrets, whole or in pieces, in plain text whatever its case,
// in base64 and in hexadecimal digits.
type leaks struct{ pieces map[string]string }

func (l *leaks) add(name, secret string) {
	if l.pieces == nil {
		l.pieces = map[string]string{}
	}
	forms := []string{secret, hex.EncodeToString([]byte(secret))}
	for skip := range 3 { // wherever the secret begins in what was encoded
		for _, e := range []*base64.Encoding{base64.RawStdEncoding, base64.RawURLEncoding} {
			forms = append(forms, e.EncodeToString([]byte(secret[skip:len(secret)-(len(secret)-skip)%3])))
		}
	}
	for _, form := range forms {
		form = lower(form)
		for i := range len(form) - piece + 1 {
			l.pieces[form[i:i+piece]] = name
		}
	}
}

// in returns the names of the secrets that a text holds pieces of, each with its place.
func (l *leaks) in(text string) []string {
	var found []string
	low := lower(text)
	for i := range max(0, len(low)-piece+1) {
		if name, ok := l.pieces[low[i:i+piece]]; ok {
			found = append(found, fmt.Sprintf("%s at %d: %.60q", name, i, text[max(0, i-20):min(len(text), i+40)]))
			if len(found) == 3 {
				break
			}
		}
	}
	return found
}

// lower keeps each byte in its place, also in what is no text.
func lower(s string) string {
	b := []byte(s)
	for i, c := range b {
		if 'A' <= c && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return string(b)
}

// TestScannerBites shows that what the scan must find is found.
func TestScannerBites(t *testing.T) {
	t.Parallel()
	secret := rand.Text()
	var l leaks
	l.add("token", secret)
	basic := base64.StdEncoding.EncodeToString([]byte("user:" + secret))
	for _, text := range []string{secret, strings.ToLower(secret), "x" + secret[9:17] + "x", hex.EncodeToString([]byte(secret)), basic,
		base64.URLEncoding.EncodeToString([]byte("ab" + secret)), "\x00\xff" + secret} {
		if len(l.in(text)) == 0 {
			t.Errorf("%q passes", text)
		}
	}
	if found := l.in("nothing " + secret[:piece-1] + " " + rand.Text()); len(found) != 0 {
		t.Errorf("found %q", found)
	}
}
