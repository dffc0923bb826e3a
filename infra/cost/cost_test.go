package main

import (
	"bytes"
	"os"
	"strings"
	"testing"
)

// TestPage: the page of what it costs shows what the command prints.
func TestPage(t *testing.T) {
	counts := tableOf(t)
	page, err := os.ReadFile("../docs/cost.md")
	if err != nil {
		t.Fatal(err)
	}
	var out bytes.Buffer
	table(&out, counts)
	if !strings.Contains(string(page), out.String()) {
		t.Errorf("infra/docs/cost.md does not show what go run ./infra/cost prints:\n%s", &out)
	}
}

// TestReckon: what is free costs nothing, and twice as many people cost more than twice.
func TestReckon(t *testing.T) {
	counts := tableOf(t)
	if m := reckon(counts, 100); m.dollars != 0 {
		t.Errorf("100 people cost %.2f", m.dollars)
	}
	half, whole := reckon(counts, 50_000), reckon(counts, 100_000)
	if half.dollars <= 0 || whole.dollars <= 2*half.dollars {
		t.Errorf("%.2f and %.2f", half.dollars, whole.dollars)
	}
	if whole.use.reads < 180*300_000 {
		t.Errorf("%.0f reads, which is less than its sweeps take", whole.use.reads)
	}
}

// TestMissingRow: a table that was renamed is no table of zeros.
func TestMissingRow(t *testing.T) {
	if _, err := counted([]byte("| a sweep | 1 | 2 | 3 | 4 | 5 |\n")); err == nil || !strings.Contains(err.Error(), change) {
		t.Errorf("got %v", err)
	}
}

func tableOf(t *testing.T) counts {
	t.Helper()
	page, err := os.ReadFile("../docs/functions.md")
	if err != nil {
		t.Fatal(err)
	}
	c, err := counted(page)
	if err != nil {
		t.Fatal(err)
	}
	return c
}
