package stored

import (
	"math"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"example.com/autoprovision/shared/fault"
)

func TestDecodeIsStrict(t *testing.T) {
	t.Parallel()
	type value struct {
		Email string `json:"email"`
	}
	const damaged, another = "restore the state", "another version"
	for doc, says := range map[string]string{
		`{"email":"ana@example.com"}`:             "",
		`{}`:                                      "",
		`{"email":"ana@example.com","more":1}`:    another,
		`{"more":1,"email":"ana@example.com"}{}`:  damaged,
		`{"more":1,"email":"ana@example.com"`:     damaged,
		`{"email":"ana@example.com"}{}`:           damaged,
		`{"email":"ana@example.com"} ana`:         damaged,
		`{"email":"ana@example.com"`:              damaged,
		`{"email":["ana@example.com"]}`:           damaged,
		`{"ana@example.com":"ana@example.com"}`:   another,
		"":                                        damaged,
		"{\"email\":\"ana@example.com\"} \n\t\r ": "",
	} {
		err := Decode("state: read", []byte(doc), &value{}, "u1")
		if says == "" && err != nil {
			t.Errorf("%s: error %v", doc, err)
		}
		kind := fault.Internal
		if says == another { // nothing is wrong with it
			kind = fault.Unavailable
		}
		if says != "" && (!fault.Is(err, kind) || !strings.Contains(err.Error(), says) || strings.Contains(err.Error(), "ana@")) {
			t.Errorf("%s: %v, want a %v that says %q and quotes nothing", doc, err, kind, says)
		}
	}
}

func TestEncodeRefusesWhatJSONCannotHold(t *testing.T) {
	t.Parallel()
	_, err := Encode("state: put", map[string]any{"ana@example.com": math.NaN()})
	if !fault.Is(err, fault.Invalid) || strings.Contains(err.Error(), "ana@") {
		t.Errorf("%v, want fault.Invalid that quotes nothing", err)
	}
}

// TestNanosKeepsOrder sees that no two times change places.
func TestNanosKeepsOrder(t *testing.T) {
	t.Parallel()
	moment := rapid.Custom(func(t *rapid.T) time.Time {
		return time.Unix(rapid.Int64Range(-1e11, 1e11).Draw(t, "seconds"), rapid.Int64Range(0, 1e9-1).Draw(t, "nanos"))
	})
	rapid.Check(t, func(t *rapid.T) {
		a, b := moment.Draw(t, "a"), moment.Draw(t, "b")
		if a.Before(b) && Nanos(a) > Nanos(b) || a.Equal(b) && Nanos(a) != Nanos(b) {
			t.Fatalf("%v is %d, %v is %d", a, Nanos(a), b, Nanos(b))
		}
	})
	if Nanos(time.Time{}) != math.MinInt64 {
		t.Error("the zero time is not before all others")
	}
}

func TestTokensComeBack(t *testing.T) {
	t.Parallel()
	rapid.Check(t, func(t *rapid.T) {
		want := Token{List: "events", At: rapid.Int64().Draw(t, "at"), Row: rapid.Int64().Draw(t, "row"), ID: rapid.String().Draw(t, "id")}
		got, err := Page("state: read", "events", 1, want.String(), Token{})
		if err != nil || got != want {
			t.Fatalf("%+v came back as %+v, error %v", want, got, err)
		}
		if _, err := Page("state: read", "records", 1, want.String(), Token{}); !fault.Is(err, fault.Invalid) {
			t.Fatalf("another list took the token: %v", err)
		}
	})
}

func TestCut(t *testing.T) {
	t.Parallel()
	last := func(n int) Token { return Token{Row: int64(n)} }
	for n := range 5 {
		rows := []int{1, 2, 3, 4}[:n]
		got, next := Cut(rows, 3, last)
		if len(got) != min(n, 3) || (next != "") != (n > 3) || next != "" && next != last(3).String() {
			t.Errorf("%d rows are cut to %v, next %q", n, got, next)
		}
	}
}
