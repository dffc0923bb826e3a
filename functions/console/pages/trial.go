package pages

import (
	"cmp"
	"fmt"
	"slices"
	"strings"

	"example.com/autoprovision/shared/admin"
	"example.com/autoprovision/shared/fault"
)

// trialView is what a mapping that is not saved makes of people in scope.
type trialView struct {
	Says   string
	Failed bool
	Rows   []trialRow
}

// trialRow is one of them, with their values or with what is wrong.
type trialRow struct {
	Email  string
	Values []settingLine
	Wrong  []settingLine
}

// viewTrial shows a trial with the labels of the form's rows, in their order.
func viewTrial(t admin.Trial, rows []mappingRow) *trialView {
	v := &trialView{Failed: t.Failed > 0, Says: trialWords(t)}
	for _, tried := range t.Sample {
		v.Rows = append(v.Rows, viewTried(tried, rows))
	}
	return v
}

// begin puts one person first, unless there is nobody of that address.
func (v *trialView) begin(tried admin.Tried, rows []mappingRow) {
	if tried.Err != nil && !fault.Is(tried.Err, fault.Invalid) {
		return
	}
	v.Rows = slices.DeleteFunc(v.Rows, func(row trialRow) bool { return strings.EqualFold(row.Email, tried.Email) })
	v.Rows = slices.Insert(v.Rows, 0, viewTried(tried, rows))
}

func viewTried(tried admin.Tried, rows []mappingRow) trialRow {
	row := trialRow{Email: tried.Email}
	wrong := problems{}
	if tried.Err != nil {
		wrong, _ = refused(tried.Err)
	}
	for _, m := range rows {
		name := cmp.Or(m.Label, m.App)
		if text := wrong[m.App]; text != "" {
			row.Wrong = append(row.Wrong, settingLine{name, mappingWords(m.App, text)})
		} else if value := show(tried.Values[m.App]); value != "" && m.Source != "" {
			row.Values = append(row.Values, settingLine{name, value})
		}
	}
	if tried.Err != nil && len(row.Wrong) == 0 {
		row.Wrong = []settingLine{{"The mapping", fault.Words(tried.Err)}}
	}
	return row
}

// trialWords says of how many people the attributes can be computed.
func trialWords(t admin.Trial) string {
	who := "active people"
	if t.Scoped {
		who = "people in scope"
	}
	switch first := map[bool]string{true: "the first "}[t.Partial]; {
	case t.People == 0 && t.Partial:
		return fmt.Sprintf("None of the first %d people in the directory is in scope, so it was tried on nobody.", t.Read)
	case t.People == 0:
		return "There are no " + who + ", so it was tried on nobody."
	case t.Failed == 0:
		return fmt.Sprintf("All of %s%d %s get all their attributes.", cmp.Or(first, "the "), t.People, who)
	default:
		return fmt.Sprintf("Of %s%d %s, %d get all their attributes and %d do not.", first, t.People, who, t.People-t.Failed, t.Failed)
	}
}
