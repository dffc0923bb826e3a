package mapping_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"
	"time"

	"example.com/autoprovision/shared/fault"
	"example.com/autoprovision/shared/mapping"
	"example.com/autoprovision/shared/provision"
)

// What one hostile expression may take, on a slow machine under the race
// detector; without its bounds most of these would take hours or all memory.
const (
	longestTime = 20 * time.Second
	mostMemory  = 512 << 20 // bytes allocated, freed ones included
)

// TestHostileExpressionsEnd compiles and runs what is made to hang the parser,
// the checker or the evaluation, for a person whose resource is made to help it.
func TestHostileExpressionsEnd(t *testing.T) {
	if testing.Short() {
		t.Skip("evaluates expressions up to their limits")
	}
	var numbers, deep strings.Builder
	numbers.WriteString(strings.Repeat("1,", 100_000) + "1")
	deep.WriteString(strings.Repeat(`{"x":`, 5_000) + "1" + strings.Repeat("}", 5_000))
	huge := user(`{"keywords":[` + numbers.String() + `],"notes":"` + strings.Repeat("a", 1<<20) + `","customSchemas":` + deep.String() + `}`)
	ones := "[" + strings.Repeat("1,", 400) + "1]"
	often := func(body string) string { return fmt.Sprintf("%s.all(a, %s.all(b, %s))", ones, ones, body) }
	nested := func(open, inner, shut string, n int) string {
		return strings.Repeat(open, n) + inner + strings.Repeat(shut, n)
	}
	for name, text := range map[string]string{
		"parentheses":      nested("(", "1", ")", 2_000),
		"lists":            nested("[", "1", "]", 2_000),
		"maps":             nested("{1:", "1", "}", 800),
		"negations":        nested("!", "true", "", 4_000),
		"minuses":          nested("-", "1", "", 4_000),
		"unclosed":         strings.Repeat("(", 4_000),
		"ternaries":        nested("true?", "1", ":1", 500),
		"fields":           "user.notes" + strings.Repeat(".a", 2_000),
		"optional fields":  "user.?notes" + strings.Repeat(".?a", 1_300),
		"indexes":          "user" + strings.Repeat("[0]", 1_300),
		"sums":             "1" + strings.Repeat("+1", 2_000),
		"macros":           nested("[1].map(x,", "x", ")", 300),
		"loops in loops":   nested(ones+".all(x,", "true", ")", 4),
		"string":           "'" + strings.Repeat("a", 4_000) + "'",
		"pattern":          "'a'.matches('" + strings.Repeat("(a{1,1000})*", 300) + "')",
		"long pattern":     "'a'.matches('" + strings.Repeat("a{0,1000}", 28) + "')",
		"many patterns":    strings.Repeat("!'a'.matches('"+strings.Repeat("a{0,9}", 20)+"') && ", 25) + "true",
		"patterns anew":    often(fmt.Sprintf("!'a'.matches('%s' + string(a))", strings.Repeat("a{0,1000}", 20))),
		"patterns of them": often(fmt.Sprintf("!matches(user.notes, user.notes + '%s')", strings.Repeat("a{0,9}", 20))),
		"search at length": often("!'" + strings.Repeat("a", 1_500) + "'.matches('(a?){60}b')"),
		"dates":            often("timestamp('2020-01-01T00:00:00Z').getFullYear('America/New_York') != 1"),
		"long numbers":     often("'%.100f'.format([1.0e300]) != ''"),
		"quoted":           often("strings.quote('" + strings.Repeat("a", 1_500) + "') != ''"),
		"split short":      often("size('" + strings.Repeat("a", 1_500) + "'.split('')) != 1"),
		"format width":     "'%.1000000000f'.format([1.0])",
		"computed format":  "user.notes.format([user])",
		"format of depth":  "'%s'.format([user.customSchemas])",
		"equal":            often("user == user"),
		"equal depth":      often("user.customSchemas == user.customSchemas"),
		"equal lists":      often("user.keywords == user.keywords"),
		"in":               often("user in [user, user]"),
		"backtracking":     often("user.notes.matches('(a|a)*(a|a)*b')"),
		"search":           often("user.notes.contains('aaaaaaab')"),
		"sum of texts":     often("user.notes + user.notes != ''"),
		"letters":          often("user.notes.reverse() != ''"),
		"split":            "size(user.notes.split(''))",
		"replace":          "user.notes.replace('a', user.notes)",
		"join":             "user.keywords.map(x, user.notes).join('')",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			m, err := mapping.Compile([]provision.MappedAttribute{expression("title", text)}, nil, anything)
			if err == nil {
				_, err = m.Apply(huge)
			}
			took := time.Since(began)
			runtime.ReadMemStats(&after)
			if err != nil && !fault.Is(err, fault.Invalid) {
				t.Errorf("error %v", err)
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; took > longestTime || allocated > mostMemory {
				t.Errorf("%v and %d MiB", took, allocated>>20)
			}
			t.Logf("%v, %d MiB, %.100v", took.Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20, err)
		})
	}
}

// TestTooManyAttributes sees that a mapping's length is bounded before anything of it is compiled.
func TestTooManyAttributes(t *testing.T) {
	t.Parallel()
	var attributes []provision.MappedAttribute
	for i := range 201 {
		attributes = append(attributes, expression(fmt.Sprintf("urn:x:y:a%d", i), "user.primaryEmail"))
	}
	if _, err := mapping.Compile(attributes[:200], nil, anything); err != nil {
		t.Errorf("200 attributes: %v", err)
	}
	if _, err := mapping.Compile(attributes, nil, anything); !fault.Is(err, fault.Invalid) {
		t.Errorf("201 attributes: %v", err)
	}
}
