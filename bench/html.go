package bench

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"html/template"
	"io"
	"strings"
	"time"
)

//go:embed page.html
var pageText string

var page = template.Must(template.New("page").Funcs(template.FuncMap{
	"human": human,
	"short": short,
	"date":  func(t time.Time) string { return t.Format("2 January 2006, 15:04 UTC") },
	"gb":    func(bytes int64) string { return fmt.Sprintf("%.0f GB", float64(bytes)/1e9) },
}).Parse(pageText))

// comparison is one table of ratios.
type comparison struct {
	A, B   string
	Ratios []Ratio
}

// WriteHTML writes r as one page that needs nothing else: no script, no font, no picture from elsewhere.
func (r *Report) WriteHTML(w io.Writer) error {
	type section struct {
		*Result
		Plots      []Plot
		Parameters [][2]string
		Tiles      []Figure
	}
	var sections []section
	for _, res := range r.Results {
		sections = append(sections, section{res, res.plots(), parameters(res.Options), res.tiles()})
	}
	names := r.servers()
	var compared []comparison
	var together template.HTML
	if len(names) > 1 {
		for _, other := range names[1:] {
			compared = append(compared, comparison{other, names[0], Ratios(r.By(other), r.By(names[0]))})
		}
		var first []*Result
		for _, name := range names {
			first = append(first, r.By(name)[0])
		}
		together = curves(first)
	}
	return page.Execute(w, map[string]any{
		"Title": r.Title, "Commit": r.Commit, "Sections": sections, "Machine": r.Results[0].Machine, "Started": r.Results[0].Started,
		"Compared": compared, "Together": together,
	})
}

// tiles are the figures that are shown large.
func (r *Result) tiles() (shown []Figure) {
	for _, f := range r.Figures {
		if len(shown) < 9 && f.Unit != "B/s" && !strings.HasPrefix(f.Name, "postgres_") {
			shown = append(shown, f)
		}
	}
	return shown
}

// parameters lists what was asked for, as the JSON has it.
func parameters(o Options) (all [][2]string) {
	b, err := json.Marshal(o)
	if err != nil {
		return nil
	}
	d := json.NewDecoder(strings.NewReader(string(b)))
	if _, err := d.Token(); err != nil {
		return nil
	}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return all
		}
		value, err := d.Token()
		if err != nil {
			return all
		}
		text := fmt.Sprint(value)
		if n, ok := value.(float64); ok && (name == "warmup" || name == "duration") {
			text = time.Duration(n).String()
		}
		all = append(all, [2]string{strings.ReplaceAll(fmt.Sprint(name), "_", " "), text})
	}
	return all
}
