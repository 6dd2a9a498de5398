package changes

import (
	"strings"
	"testing"
)

// secretive is a type whose check reads what nobody may know and says so in its error, message, detail and hint.
var secretive = []string{
	"create schema vault; create table vault.secret (text text); create table vault.open (yes bool); grant usage on schema vault to public",
	"insert into vault.secret values ('the launch code')",
	`create function vault.check(t text) returns bool language plpgsql as $$ declare code text; begin
		if t is not null and exists (select from vault.open) then select s.text into code from vault.secret s; raise exception '% of %', code, t using detail = code, hint = code; end if; return true; end $$`,
	`create function vault.plain(t text) returns bool language sql as $$ select t is null or not exists (select from vault.open) or (select s.text from vault.secret s)::int > 0 $$`,
	"create domain vault.loud as text check (vault.check(value)); create domain vault.terse as text check (vault.plain(value)); create domain vault.small as int check (value < 10)",
	"create table public.v (id int primary key, loud vault.loud, terse vault.terse, small vault.small, n int)", "grant select on public.v to authenticated",
	"alter publication supabase_realtime add table public.v",
}

// TestWhatSomebodysCodeSaysIsNotTold: the error of a value at subscribe is told in the words that clients know as long as they
// are Postgres' own about that value; the words of a type's own code are nobody's, neither in the refusal, nor in the notice
// of a subscription that is judged again, nor in the log.
func TestWhatSomebodysCodeSaysIsNotTold(t *testing.T) {
	t.Parallel()
	r := newRig(t, secretive...)
	entry := func(filter string) string { return `{"schema":"public","table":"v","filter":"` + filter + `"}` }
	filters := map[string]string{
		"loud=gt.a":   "P0001 (raise_exception) raised by the code of type loud",
		"loud=in.(a)": "P0001 (raise_exception) raised by the code of type loud",
		"terse=gt.a":  "22P02 (invalid_text_representation) raised by the code of type terse",
	}
	for filter := range filters {
		r.subscribe(filter, authenticated, "{}", entry(filter))
	}
	r.exec("insert into vault.open values (true)", "create schema other") // everything is judged again
	r.exec("insert into public.v (id) values (1)")
	r.settle()
	for filter, want := range filters {
		r.until("the notice of "+filter, func() bool { return len(r.notices[filter]) > 0 })
		if got := strings.Join(r.noticesOf(filter), "\n"); !strings.Contains(got, want) || strings.Contains(got, "launch") {
			t.Errorf("%s was told %q, want %q and no secret", filter, got, want)
		}
		a := r.ask("anew "+filter, authenticated, "{}", entry(filter))
		if a.Err == nil || !strings.Contains(a.Err.Text, want) || strings.Contains(a.Err.Text, "launch") {
			t.Errorf("%s is refused with %v, want %q and no secret", filter, a.Err, want)
		}
		if a.Err != nil && strings.Contains(a.Err.Error()+" "+a.Err.Unwrap().Error(), "launch") {
			t.Errorf("the error of %s quotes the secret: %v", filter, a.Err)
		}
	}
	for filter, want := range map[string]string{
		"n=eq.x":      `22P02 (invalid_text_representation) invalid input syntax for type integer: \"x\"`,
		"small=eq.x":  `22P02 (invalid_text_representation) invalid input syntax for type integer: \"x\"`,
		"small=eq.11": `23514 (check_violation) value for domain vault.small violates check constraint \"small_check\"`,
	} {
		a := r.ask(filter, authenticated, "{}", entry(filter))
		if a.Err == nil || !strings.Contains(a.Err.Text, strings.ReplaceAll(want, `\"`, `"`)) {
			t.Errorf("%s is refused with %v, want %q", filter, a.Err, want)
		}
	}
}
