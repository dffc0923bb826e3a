package sqlitefile

import (
	"context"
	"path/filepath"
	"sync/atomic"
	"testing"
)

// BenchmarkWrite is grouped commits by 64 writers: the first sync of 10,000
// people needs about 30,000 in 20 s beside everything else.
func BenchmarkWrite(b *testing.B) {
	f, err := Open(filepath.Join(b.TempDir(), "state.db"), []Schema{{Name: "bench", Steps: []string{
		"CREATE TABLE rows (id INTEGER PRIMARY KEY, doc TEXT NOT NULL) STRICT"}}}, nil)
	if err != nil {
		b.Fatal(err)
	}
	doc := string(make([]byte, 1000))
	var id atomic.Int64
	b.SetParallelism(16) // 64 writers on 4 cores
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			err := f.Write(context.Background(), func(tx Tx) error {
				_, err := tx.Exec("INSERT INTO rows (id, doc) VALUES (?, ?)", id.Add(1), doc)
				return err
			})
			if err != nil {
				b.Error(err)
				return
			}
		}
	})
	b.ReportMetric(float64(b.N)/b.Elapsed().Seconds(), "writes/s")
	if err := f.Close(); err != nil {
		b.Fatal(err)
	}
}
