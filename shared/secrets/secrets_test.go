package secrets_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"example.com/autoprovision/shared/secrets"
)

const text = "s3cret-text"

// holders are the ways in which a value lies in what somebody prints.
func holders() map[string]any {
	v := secrets.NewValue(text)
	type open struct{ Token secrets.Value }
	type closed struct{ token secrets.Value }
	type deep struct{ in *closed }
	return map[string]any{
		"itself": v, "a pointer": &v, "a field": open{v}, "an unexported field": closed{v}, "behind a pointer": &closed{v},
		"two deep": deep{&closed{v}}, "a list": []secrets.Value{v}, "a list of fields": []closed{{v}}, "a map": map[string]closed{"a": {v}},
		"an array": [1]closed{{v}}, "an interface": struct{ any any }{closed{v}}, "a function": struct{ get func() secrets.Value }{func() secrets.Value { return v }},
	}
}

// leaks reports whether a text shows the secret, as it is or in hexadecimal.
func leaks(s string) bool {
	s = strings.ToLower(s)
	return strings.Contains(s, text) || strings.Contains(s, fmt.Sprintf("%x", text)) || strings.Contains(s, fmt.Sprintf("% x", text))
}

// TestPrintsNothing: whatever holds a value, and with whatever verb, its text is not printed.
func TestPrintsNothing(t *testing.T) {
	t.Parallel()
	for name, holder := range holders() {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "% x", "%d", "%b", "%o", "%c", "%U", "%e", "%t", "%p", "%w", "%10.3s", "%T", "%z"} {
			if printed := fmt.Sprintf(verb, holder); leaks(printed) {
				t.Errorf("%s, %s: %s", name, verb, printed)
			}
		}
		if err := fmt.Errorf("trying: %w", errors.New(fmt.Sprint(holder))); leaks(err.Error()) {
			t.Errorf("%s: an error shows %v", name, err)
		}
	}
	if printed := fmt.Sprintf("%v %s %d %q %x", secrets.NewValue(text), secrets.NewValue(text), secrets.NewValue(text), secrets.NewValue(text), secrets.NewValue(text)); printed != "*** *** *** *** ***" {
		t.Errorf("printed %s", printed)
	}
}

// TestLogsNothing: nor is it logged, or marshalled.
func TestLogsNothing(t *testing.T) {
	t.Parallel()
	for name, holder := range holders() {
		var logged bytes.Buffer
		for _, handler := range []slog.Handler{slog.NewTextHandler(&logged, nil), slog.NewJSONHandler(&logged, nil)} {
			slog.New(handler).With("with", holder).Info("message", "value", holder, slog.Group("group", "inner", holder))
		}
		if leaks(logged.String()) {
			t.Errorf("%s: logged %s", name, &logged)
		}
		if data, err := json.Marshal(holder); err == nil && leaks(string(data)) {
			t.Errorf("%s: marshalled %s", name, data)
		}
	}
}

// TestReveal: the value is still there for whom it is for, and none is empty.
func TestReveal(t *testing.T) {
	t.Parallel()
	if v := secrets.NewValue(text); v.Reveal() != text || v.Empty() {
		t.Errorf("revealed %q, empty %v", v.Reveal(), v.Empty())
	}
	for name, v := range map[string]secrets.Value{"none": {}, "of no text": secrets.NewValue("")} {
		if v.Reveal() != "" || !v.Empty() || v.String() != "***" {
			t.Errorf("%s: revealed %q, empty %v", name, v.Reveal(), v.Empty())
		}
	}
}
