package pages

import (
	"encoding/csv"
	"net/http"
	"strings"
)

// table streams rows as CSV (RFC 4180): each call of page gives some more, and
// false when there are no more. An error after the first row cuts the
// connection, so that nobody takes a part for the whole.
func (p *Pages) table(w http.ResponseWriter, name string, header []string, page func() (rows [][]string, more bool, err error)) error {
	rows, more, err := page()
	if err != nil {
		return err
	}
	w.Header().Set("Content-Type", "text/csv; charset=utf-8; header=present")
	w.Header().Set("Content-Disposition", `attachment; filename="`+name+`"`)
	out := csv.NewWriter(w)
	err = out.Write(header)
	for err == nil {
		for _, row := range rows {
			for i := range row {
				row[i] = cell(row[i])
			}
		}
		if err = out.WriteAll(rows); err != nil || !more {
			break
		}
		rows, more, err = page()
	}
	if err != nil {
		p.service.Log.Warn("a table was not sent to its end", "error", err.Error())
		panic(http.ErrAbortHandler)
	}
	return nil
}

// cell keeps a spreadsheet from taking a text for a formula (owasp.org/www-community/attacks/CSV_Injection).
func cell(s string) string {
	if s != "" && strings.ContainsRune("=+-@\t\r", rune(s[0])) {
		return "'" + s
	}
	return s
}
