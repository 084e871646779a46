package worker

import (
	"context"
	"encoding/binary"
	"errors"
	"os"
	"os/signal"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/secretgate/secretgate/shared/template"
)

// TestMain lets the tests' program be a worker, and workers that misbehave by other names.
func TestMain(m *testing.M) {
	if misbehave, ok := misbehaviours[filepath.Base(os.Args[0])]; ok && len(os.Args) == 2 && os.Args[1] == Argument {
		misbehave(os.Stdin, os.Stdout)
		os.Exit(0)
	}
	RunIfAsked()
	os.Exit(m.Run())
}

const at = "spec.template.stringData[n]"

// js asks for a text made of the entry x.
func js(source string) template.Request {
	return template.Request{
		Engine: template.Lodash, Texts: []template.Text{{Field: at, Source: source}},
		Values: []template.Entry{{Name: "x", Data: []byte("planted")}},
	}
}

// rendered are the texts of an answer.
func rendered(answer template.Answer) (texts []string) {
	for _, text := range answer.Rendered {
		texts = append(texts, string(text))
	}
	return texts
}

func mustRender(t *testing.T, pool *Pool, namespace, source, want string) {
	t.Helper()
	answer, err := pool.Do(t.Context(), namespace, at, js(source))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{want}, rendered(answer)); diff != "" || len(answer.Problems) > 0 {
		t.Errorf("got problems %v; the texts: -want +got:\n%s", answer.Problems, diff)
	}
}

func TestAWorkerIsUsedAgain(t *testing.T) {
	var pool Pool
	defer pool.Close()
	var first *process
	for range 3 {
		mustRender(t, &pool, "ns", "a<%= data.x %>${Buffer.from(data.x).toString('base64')}<%= yaml.dump({a: 1}) %>", "aplantedcGxhbnRlZA==a: 1\n")
		if len(pool.idle) != 1 || first != nil && pool.idle[0].process != first {
			t.Fatalf("got the workers %v, want the first one", pool.idle)
		}
		first = pool.idle[0].process
	}
}

func TestATextLeavesNothingForTheNext(t *testing.T) {
	var pool Pool
	defer pool.Close()
	request := js("<% globalThis.left = data.x; Object.prototype.left = data.x; data.x = 'other'; JSON.parse = () => data.x %>")
	request.Texts = append(request.Texts, template.Text{Field: at, Source: "<%= typeof left %> <%= ({}).left %> <%= data.x %> <%= JSON.parse('1') %>"})
	answer, err := pool.Do(t.Context(), "ns", at, request)
	if diff := cmp.Diff([]string{"", "undefined  planted 1"}, rendered(answer)); diff != "" || err != nil {
		t.Errorf("got %v, %v: -want +got:\n%s", answer, err, diff)
	}
}

func TestCheckRendersNothing(t *testing.T) {
	var pool Pool
	defer pool.Close()
	request := js("<%= data.x %><%= nope %>")
	request.Check, request.Values = true, nil
	got, err := pool.Do(t.Context(), "ns", at, request)
	want := template.Answer{ID: 1, Uses: []template.Uses{{
		Values: true, Entries: []template.Use{{Name: "x", Line: 1, Column: 10}}, Unknown: []template.Use{{Name: "nope", Line: 1, Column: 18}},
	}}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("got the error %v; -want +got:\n%s", err, diff)
	}
}

// TestHostileTemplates ends each of them, without a value in what is said, with little of the parent's memory, and with a worker for the next.
func TestHostileTemplates(t *testing.T) {
	var pool Pool
	defer pool.Close()
	n := strings.Repeat
	for name, source := range map[string]string{
		"an endless loop":                    "<% while (true) {} %>",
		"an endless loop over a generator":   "<% function* g() { for (;;) yield 1 } for (const x of g()); %>",
		"an endless loop of promises":        "<% let f = () => Promise.resolve().then(f); f(); for (;;); %>",
		"a string of a gigabyte":             "<%= 'a'.repeat(1e9).length %>",
		"a string of half a gigabyte":        "<%= 'a'.repeat(5e8).length %>",
		"strings that double":                "<% let s = 'a'; while (true) s += s %>",
		"a padding of a gigabyte":            "<%= ''.padEnd(1e9, 'ab').length %>",
		"a replacement of ten gigabytes":     "<%= 'a'.repeat(1e5).replace(/a/g, 'a'.repeat(1e5)).length %>",
		"an array of a hundred million":      "<%= Array(1e8).fill().join().length %>",
		"a join of a billion":                "<%= Array(1e9).join('x').length %>",
		"an endless push":                    "<% let a = []; while (true) a.push({}) %>",
		"an array sorted for ever":           "<%= Array(1e7).fill(1).sort(() => 1).length %>",
		"a typed array of gigabytes":         "<%= new Uint8Array(2e9).length %>",
		"an integer of 12 gigabytes":         "<%= (2n ** 100000000000n).toString().length %>",
		"an integer of many digits":          "<%= (2n ** 100000000n).toString().length %>",
		"a regular expression that explodes": "<%= /^(?=a)(a+)+$/.test('a'.repeat(40) + 'b') %>",
		"recursion":                          "<% function f() { return f() + 1 } f() %>",
		"recursion by a proxy":               "<%= (() => { const p = new Proxy({}, {get: (t, k, r) => r[k]}); return p.a })() %>",
		"recursion of JSON.stringify":        "<% const o = {toJSON() { return JSON.stringify(o) }}; JSON.stringify(o) %>",
		"twenty thousand parentheses":        "<%= " + n("(", 20000) + "1" + n(")", 20000) + " %>",
		"nested arrows":                      "<%= " + n("(a=", 24) + "1" + n(")=>1", 24) + " %>",
		"nested arrows, fifty thousand":      "<%= " + n("x=>", 50000) + "1 %>",
		"nested objects":                     "<%= " + n("{a:", 50000) + "1" + n("}", 50000) + " %>",
		"nested arrays of JSON":              "<%= JSON.parse('['.repeat(1e6) + ']'.repeat(1e6)).length %>",
		"a bomb of YAML's aliases": "<% let y = 'a: &a [1, 1]\\n'; for (let i = 0; i < 40; i++) { const b = i ? '*b' + (i - 1) : '*a'; " +
			"y += `b${i}: &b${i} [${b}, ${b}]\\n` } %><%= JSON.stringify(yaml.load(y)).length %>",
		"a bomb of dumps":                 "<% let v = 'a'; while (true) v = yaml.dump([v, v, v, v]) %>",
		"print without an end":            "<% for (;;) print('aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa') %>",
		"two megabytes of text":           "<%= 'a'.repeat(2 << 20) %>",
		"a getter without an end":         "<%= ({get a() { for (;;); }}).a %>",
		"toString without an end":         "<%= ({toString() { for (;;); }}) %>",
		"a type of error without an end":  "<% throw {get name() { for (;;); }, get message() { for (;;); }, toString() { for (;;); }} %>",
		"an end that catches its own end": "<% for (;;) { try { for (;;); } catch (e) {} } %>",
		"code that is made at run time":   "<%= Function('for (;;);')() %>",
		"code out of its braces":          "<% }})({}); for (;;); (function(){{ %>",
		"a value thrown":                  "<% throw data.x %>",
		"a value as the name of a member": "<%= null[data.x] %>",
		"a value as a regular expression": "<%= new RegExp('(' + data.x) %>",
		"a value in an error of its own":  "<% const e = new Error(data.x); e.name = data.x; throw e %>",
		"half of a character":             "<%= '\\ud800' + data.x %>",
		"a changed prototype":             "<% Error.prototype.toString = () => data.x; String.prototype.valueOf = () => data.x; null.x %>",
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			answer, err := pool.Do(t.Context(), "ns", at, js(source))
			runtime.ReadMemStats(&after)
			if err != nil {
				t.Fatal(err)
			}
			if len(answer.Problems) != 1 || len(answer.Rendered) > 0 {
				t.Fatalf("got the texts %.100q and the problems %v, want one problem", answer.Rendered, answer.Problems)
			}
			problem := answer.Problems[0]
			if strings.Contains(problem.Error(), "planted") || problem.Field != at {
				t.Errorf("got the problem %q, want one at %s without the value", problem.Error(), at)
			}
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 8<<20 {
				t.Errorf("the parent allocated %d bytes, want 8 MiB at most", allocated)
			}
			mustRender(t, &pool, "ns", "${data.x}", "planted")
		})
	}
}

// TestNeighbours renders a template of one namespace while another one's keep a worker busy.
func TestNeighbours(t *testing.T) {
	var pool Pool
	defer pool.Close()
	var done sync.WaitGroup
	var mu sync.Mutex
	finished := 0
	for range 6 {
		done.Go(func() {
			if _, err := pool.Do(t.Context(), "hostile", at, js("<% for (;;); %>")); err != nil {
				t.Error(err)
			}
			mu.Lock()
			defer mu.Unlock()
			finished++
		})
	}
	mustRender(t, &pool, "neighbour", "${data.x}", "planted")
	mu.Lock()
	if finished > 4 {
		t.Errorf("got %d of the other namespace's six templates before the neighbour's, want its turn before they all have ended", finished)
	}
	mu.Unlock()
	done.Wait()
}

// misbehaviours are what workers do that a template has taken over, by the name of their program.
var misbehaviours = map[string]func(requests, answers *os.File){
	"ends-at-once":    func(_, _ *os.File) {},
	"does-not-begin":  func(_, answers *os.File) { _ = send(answers, ready{Problem: "no rights to give up"}, maxAnswer) },
	"ends-when-asked": serving(func(template.Request, *os.File) bool { return false }),
	"never-answers": serving(func(template.Request, *os.File) bool {
		never := make(chan os.Signal, 1)
		signal.Notify(never, os.Interrupt)
		<-never
		return false
	}),
	"answers-for-another": serving(func(request template.Request, answers *os.File) bool {
		return send(answers, template.Answer{ID: request.ID + 1, Rendered: [][]byte{[]byte("wrong")}}, maxAnswer) == nil
	}),
	"answers-twice": serving(func(request template.Request, answers *os.File) bool {
		for range 2 {
			_ = send(answers, template.Answer{ID: request.ID, Rendered: [][]byte{request.Values[0].Data}}, maxAnswer)
		}
		return true
	}),
	"babbles": serving(func(_ template.Request, answers *os.File) bool {
		_, err := answers.WriteString("panic: planted" + strings.Repeat("x", 1<<16))
		return err == nil
	}),
	"says-too-much": serving(func(_ template.Request, answers *os.File) bool {
		_, _ = answers.Write(binary.BigEndian.AppendUint32(nil, maxAnswer+1))
		return true
	}),
}

func serving(answer func(request template.Request, answers *os.File) bool) func(requests, answers *os.File) {
	return func(requests, answers *os.File) {
		_ = send(answers, ready{Ready: true}, maxAnswer)
		for {
			var request template.Request
			if receive(requests, &request, maxRequest) != nil || !answer(request, answers) {
				return
			}
		}
	}
}

func TestWorkersThatMisbehave(t *testing.T) {
	program, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	for name, want := range map[string]string{ // the problem; empty: an error
		"ends-at-once":        "",
		"does-not-begin":      "",
		"ends-when-asked":     errBroken.Error(),
		"never-answers":       errWait.Error(),
		"answers-for-another": errBroken.Error(),
		"babbles":             errBroken.Error(),
		"says-too-much":       errBroken.Error(),
	} {
		t.Run(name, func(t *testing.T) {
			pool := Pool{Program: filepath.Join(t.TempDir(), name)}
			defer pool.Close()
			if err := os.Symlink(program, pool.Program); err != nil {
				t.Fatal(err)
			}
			answer, err := pool.Do(t.Context(), "ns", at, js("${data.x}"))
			switch {
			case want == "":
				if err == nil {
					t.Errorf("got %+v, want an error", answer)
				}
			case err != nil:
				t.Error(err)
			case len(answer.Rendered) > 0 || len(answer.Problems) != 1 || !strings.HasPrefix(answer.Problems[0].Detail, want):
				t.Errorf("got %+v, want the problem %q", answer, want)
			}
			if len(pool.idle) > 0 {
				t.Error("the worker is kept for the next request")
			}
		})
	}
	t.Run("answers-twice", func(t *testing.T) {
		pool := Pool{Program: filepath.Join(t.TempDir(), "answers-twice")}
		defer pool.Close()
		if err := os.Symlink(program, pool.Program); err != nil {
			t.Fatal(err)
		}
		for _, value := range []string{"first", "second", "third"} { // an answer to an earlier request must never come
			request := js("${data.x}")
			request.Values[0].Data = []byte(value)
			answer, err := pool.Do(t.Context(), "ns", at, request)
			if diff := cmp.Diff([]string{value}, rendered(answer)); diff != "" || err != nil {
				t.Errorf("got %+v and the error %v, want the text %s", answer, err, value)
			}
		}
	})
}

// TestATextThatIsEscaped is as large on the wire as a text can be.
func TestATextThatIsEscaped(t *testing.T) {
	var pool Pool
	defer pool.Close()
	mustRender(t, &pool, "ns", `<%= "\u0001".repeat(1 << 20) %>`, strings.Repeat("\u0001", 1<<20))
}

// TestACallerWhoseNamespaceIsBusy learns what it waited for.
func TestACallerWhoseNamespaceIsBusy(t *testing.T) {
	var pool Pool
	defer pool.Close()
	done, err := pool.turn(t.Context(), "ns")
	if err != nil {
		t.Fatal(err)
	}
	defer done()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	answer, err := pool.Do(ctx, "ns", at, js("${data.x}"))
	if !errors.Is(err, context.Canceled) || !strings.Contains(err.Error(), "wait for others of the namespace") {
		t.Errorf("got %+v and the error %v, want what it waited for", answer, err)
	}
}

func TestACallerThatGivesUp(t *testing.T) {
	var pool Pool
	defer pool.Close()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if answer, err := pool.Do(ctx, "ns", at, js("${data.x}")); !errors.Is(err, context.Canceled) {
		t.Errorf("got %+v and the error %v, want that it was cancelled", answer, err)
	}
	mustRender(t, &pool, "ns", "${data.x}", "planted")
}

func TestAClosedPool(t *testing.T) {
	var pool Pool
	mustRender(t, &pool, "ns", "${data.x}", "planted")
	pool.Close()
	if answer, err := pool.Do(t.Context(), "ns", at, js("${data.x}")); !errors.Is(err, errClosed) {
		t.Errorf("got %+v and the error %v, want %v", answer, err, errClosed)
	}
}

func BenchmarkRender(b *testing.B) {
	var pool Pool
	defer pool.Close()
	request := js("user: <%= data.x %>\npassword: <%= JSON.parse('{\"a\": 1}').a %>\ntoken: <%= Buffer.from(data.x).toString('base64') %>\n")
	for b.Loop() {
		if answer, err := pool.Do(b.Context(), "ns", at, request); err != nil || len(answer.Rendered) != 1 {
			b.Fatal(answer, err)
		}
	}
}
