package lodash

import (
	_ "embed" // of what Buffer lacks
	"encoding/base64"
	"errors"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/dop251/goja"
	"github.com/dop251/goja/parser"
	"github.com/dop251/goja_nodejs/buffer"

	"github.com/secretgate/secretgate/shared/template"
	"github.com/secretgate/secretgate/shared/template/lodash/jsyaml"
)

// world is the JavaScript world of one text: ECMAScript's own, and what KES's templates have of Node and of its modules. It has
// neither a clock nor chance, so that the same values make the same text.
type world struct {
	*goja.Runtime
	errors map[string]*goja.Object // prototypes of ECMAScript's errors, by name
}

var (
	errClock  = errors.New("templates have no clock")
	errChance = errors.New("templates have no random numbers")
	errBytes  = errors.New("the entry is not UTF-8 text")
	errBase64 = errors.New("the text is not base64")
)

func newWorld() *world {
	w := &world{Runtime: goja.New(), errors: map[string]*goja.Object{}}
	w.SetParserOptions(parser.WithDisableSourceMaps)
	w.SetMaxCallStackSize(maxCalls)
	w.SetTimeSource(func() time.Time { panic(w.NewGoError(errClock)) })
	w.SetRandSource(func() float64 { panic(w.NewGoError(errChance)) })
	global := w.GlobalObject()
	for _, name := range []string{"ReferenceError", "SyntaxError", "TypeError", "RangeError", "URIError", "EvalError"} {
		w.errors[name] = global.Get(name).ToObject(w.Runtime).Get("prototype").ToObject(w.Runtime)
	}
	lodash := w.NewObject()
	w.must(lodash.Set("escape", escaped))
	w.must(global.Set("_", lodash))
	w.must(global.Set("btoa", w.btoa))
	w.must(global.Set("atob", w.atob))
	// What takes long to make is made when a text uses it.
	w.lazy("Buffer", func() goja.Value {
		module := w.NewObject()
		w.must(module.Set("exports", w.NewObject()))
		buffer.Require(w.Runtime, module)
		made := module.Get("exports").ToObject(w.Runtime).Get("Buffer")
		return w.run(encodings(), made)
	})
	w.lazy("yaml", func() goja.Value { return w.run(jsYAML()) })
	return w
}

// must is for what cannot fail: properties of objects that no template has touched.
func (w *world) must(err error) {
	if err != nil {
		panic(err)
	}
}

// lazy sets a global variable once it is used.
func (w *world) lazy(name string, value func() goja.Value) {
	global := w.GlobalObject()
	set := func(v goja.Value) {
		w.must(global.DefineDataProperty(name, v, goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_FALSE))
	}
	get := w.ToValue(func() goja.Value {
		made := value()
		set(made)
		return made
	})
	w.must(global.DefineAccessorProperty(name, get, w.ToValue(set), goja.FLAG_TRUE, goja.FLAG_FALSE))
}

// run calls the function that a script of ours makes.
func (w *world) run(program *goja.Program, args ...goja.Value) goja.Value {
	made, err := w.RunProgram(program)
	w.must(err)
	function, _ := goja.AssertFunction(made)
	made, err = function(goja.Undefined(), args...)
	w.must(err)
	return made
}

// data is the entries, as texts. Using one that is no text is an error.
func (w *world) data(entries []template.Entry) *goja.Object {
	data := w.NewObject()
	for _, e := range entries {
		if utf8.Valid(e.Data) {
			w.must(data.DefineDataProperty(e.Name, w.ToValue(string(e.Data)), goja.FLAG_TRUE, goja.FLAG_TRUE, goja.FLAG_TRUE))
			continue
		}
		refuse := w.ToValue(func() goja.Value { panic(w.NewGoError(errBytes)) })
		w.must(data.DefineAccessorProperty(e.Name, refuse, nil, goja.FLAG_TRUE, goja.FLAG_TRUE))
	}
	return data
}

// escaped is lodash's escape.
func escaped(value goja.Value) string { return entities.Replace(value.String()) }

var entities = strings.NewReplacer("&", "&amp;", "<", "&lt;", ">", "&gt;", `"`, "&quot;", "'", "&#39;")

// btoa and atob take and give texts of characters up to U+00FF, as browsers and Node have it.
func (w *world) btoa(text string) string {
	bytes := make([]byte, 0, len(text))
	for _, r := range text {
		if r > 0xff {
			panic(w.NewGoError(errBase64))
		}
		bytes = append(bytes, byte(r)) //nolint:gosec // it is no more than 0xff
	}
	return base64.StdEncoding.EncodeToString(bytes)
}

func (w *world) atob(text string) string {
	text = strings.TrimRight(strings.Join(strings.Fields(text), ""), "=")
	bytes, err := base64.RawStdEncoding.DecodeString(text)
	if err != nil {
		panic(w.NewGoError(errBase64))
	}
	characters := make([]rune, len(bytes))
	for i, b := range bytes {
		characters[i] = rune(b)
	}
	return string(characters)
}

// jsYAML makes js-yaml.
var jsYAML = sync.OnceValue(func() *goja.Program {
	const head, end = "(function(){var module={exports:{}},exports=module.exports;", "\nreturn module.exports})"
	return goja.MustCompile("js-yaml", head+jsyaml.Source+end, false)
})

// encodings lets Buffer know encodings by Node's names in any case, and refuse others.
var encodings = sync.OnceValue(func() *goja.Program { return goja.MustCompile("Buffer", encodingsSource, false) })

//go:embed buffer.js
var encodingsSource string
