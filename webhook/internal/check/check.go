package check

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"iter"
	"os"
	"runtime"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"github.com/secretgate/secretgate/shared/dialect"
	"github.com/secretgate/secretgate/shared/policy"
	"github.com/secretgate/secretgate/webhook/internal/admit"
)

// Checker checks manifests. With Kinds alone it judges by the documented annotations, and denies where it
// knows no namespace.
type Checker struct {
	Kinds    []dialect.Kind      // of the objects that are judged
	Stores   []dialect.StoreKind // of what they refer to
	Settings policy.Settings
	// Templates compiles those of objects; nil: they are not compiled.
	Templates admit.Templates
	CRDs      []string // files and folders with CustomResourceDefinitions of these kinds, which count instead of the built-in ones

	Namespace        string            // of objects that name none; empty: default
	Annotations      map[string]string // of that namespace, besides those that its manifest or the cluster has
	Labels           map[string]string // the same
	NamespaceFiles   []string          // files and folders with more namespaces
	Live             Live              // nil: no cluster is asked
	UnknownNamespace Unknown           // empty: UnknownDenies

	LiveObject       LiveObject // nil: no cluster is asked for what objects refer to
	StrictReferences bool       // an object that refers to what is not known is in error

	CompareMatching bool // list only the objects whose verdict depends on the matching
	Fix             bool // rewrite deprecated fields first

	Stdin    io.Reader           // what the input "-" is
	Progress func(documents int) // called for every document; nil: not called

	apis       apis
	own        []served // kinds of Kubernetes itself, which are read where an object refers to them, and never judged
	namespaces *namespaces
	references *references
	stdin      []byte
}

// Run checks files, folders and "-". The error is of inputs that cannot be had at all; it lists all.
func (c *Checker) Run(ctx context.Context, inputs []string) (*Report, error) {
	report := &Report{Objects: map[string]int{}, Namesakes: map[string]int{}, kinds: c.kinds()}
	files, err := c.begin(inputs, func(files []string) error {
		if report.Files = len(files); c.Fix {
			return c.fixAll(files, report)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	if err := c.checkAll(ctx, files, report); err != nil {
		return nil, err
	}
	return report, nil
}

// begin lists the files of inputs, and learns the namespaces and what objects refer to. What is to be done before it reads any comes first.
func (c *Checker) begin(inputs []string, first ...func(files []string) error) ([]string, error) {
	if c.Namespace == "" {
		c.Namespace = "default"
	}
	files, err := expand(inputs)
	more, moreErr := expand(c.NamespaceFiles)
	if err := errors.Join(err, moreErr); err != nil {
		return nil, err
	}
	if err := c.prepare(); err != nil {
		return nil, err
	}
	for _, do := range first {
		if err := do(files); err != nil {
			return nil, err
		}
	}
	c.namespaces = &namespaces{
		known: map[string]policy.Namespace{}, judged: map[string]bool{}, live: c.Live,
		given: policy.Namespace{Name: c.Namespace, Annotations: c.Annotations, Labels: c.Labels},
	}
	c.references = &references{known: map[dialect.Reference]known{}, own: map[schema.GroupKind][]document{}, live: c.LiveObject}
	return files, errors.Join(c.collect(more, false), c.collect(files, true))
}

func (c *Checker) fixAll(files []string, report *Report) error {
	for _, file := range files {
		text, err := c.read(file)
		if err != nil {
			return err
		}
		fixed, notes := c.fix(file, text)
		report.Findings = append(report.Findings, notes...)
		if file == stdinName {
			c.stdin, report.Stdin = fixed, fixed
			continue
		}
		if bytes.Equal(fixed, text) {
			continue
		}
		if err := write(file, fixed); err != nil {
			return err
		}
	}
	return nil
}

// collect reads the Namespaces in files, and the objects that others may refer to. Namespaces that are inputs are judged, too.
func (c *Checker) collect(files []string, judged bool) error {
	type outcome struct {
		document
		objects []object
		own     []schema.GroupKind
	}
	for found := range ordered(runtime.GOMAXPROCS(0), c.documents(files), func(d document) outcome {
		o := outcome{document: d, own: c.ownIn(d)}
		if namespacePattern.Match(d.text) || c.apis.refersTo(d) {
			o.objects, _ = objects(d) // checking it says what is wrong
		}
		return o
	}) {
		if found.failed != nil {
			return found.failed
		}
		for _, o := range found.objects {
			if o.isNamespace() {
				c.namespaces.collect(o, judged)
			} else if s, ok := c.apis.of(o); ok && s.kind == nil {
				c.collectReference(s, o, judged)
			}
		}
		for _, kind := range found.own {
			c.references.own[kind] = append(c.references.own[kind], found.document)
		}
	}
	return nil
}

// outcome is the result for one document.
type outcome struct {
	findings            []Finding
	judged              []string // the kinds of the objects
	skipped, unreadable int
	namesakes           []string // groups
	unseen              []*unseen
	failed              error // its file cannot be read
}

func (o *outcome) add(f *findings) {
	o.findings = append(o.findings, f.sorted()...)
	if f.unseen != nil {
		o.unseen = append(o.unseen, f.unseen)
	}
}

func (c *Checker) checkAll(ctx context.Context, files []string, report *Report) error {
	done, namespaces := 0, unseens{}
	for o := range ordered(runtime.GOMAXPROCS(0), c.documents(files), func(d document) outcome { return c.document(ctx, d) }) {
		if err := errors.Join(ctx.Err(), o.failed); err != nil {
			return err
		}
		report.Findings = append(report.Findings, o.findings...)
		for _, kind := range o.judged {
			report.Objects[kind]++
		}
		report.Skipped += o.skipped
		for _, one := range o.unseen {
			namespaces.add(one)
		}
		for _, group := range o.namesakes {
			report.Namesakes[group]++
		}
		report.Unreadable += o.unreadable
		done++
		if c.Progress != nil {
			c.Progress(done)
		}
	}
	report.Findings = append(report.Findings, c.judgeUnseen(namespaces)...)
	return nil
}

// documents reads one file after the other.
func (c *Checker) documents(files []string) iter.Seq[document] {
	return func(yield func(document) bool) {
		for _, file := range files {
			text, err := c.read(file)
			if err != nil {
				yield(document{file: file, failed: err})
				return
			}
			for doc := range split(file, text) {
				if !yield(doc) {
					return
				}
			}
		}
	}
}

func (c *Checker) document(ctx context.Context, d document) outcome {
	switch {
	case d.failed != nil:
		return outcome{failed: d.failed}
	case c.apis.foreign(d) && d.isEmpty():
		return outcome{}
	case c.apis.foreign(d):
		return outcome{skipped: 1}
	}
	all, err := objects(d)
	if err != nil && !c.apis.mentions(d) && d.err == nil {
		return outcome{skipped: 1} // whatever it is, it is none of ours
	}
	if err != nil {
		return outcome{unreadable: 1, findings: []Finding{d.complaint(err)}}
	}
	var o outcome
	for _, one := range all {
		c.object(ctx, one, &o)
	}
	return o
}

// object adds the findings about one object.
func (c *Checker) object(ctx context.Context, one object, o *outcome) {
	meant, mistyped := c.apis.meant(one.api())
	s, judged := c.apis.of(one)
	if judged {
		o.judged = append(o.judged, s.Kind)
	}
	switch {
	case mistyped:
		o.add(c.judgeMistyped(one, meant))
	case one.isNamespace() && c.CompareMatching:
		o.add(c.compareNamespace(one))
	case one.isNamespace():
		o.add(c.judgeNamespace(one))
	case !judged:
		o.skipped++
		if a := one.api(); c.apis.isNamesake(a) {
			o.namesakes = append(o.namesakes, a.group)
		}
	case c.CompareMatching:
		o.add(c.compare(ctx, one, s))
	default:
		o.add(c.judge(ctx, one, s))
	}
}

func (c *Checker) read(file string) ([]byte, error) {
	if file != stdinName {
		return os.ReadFile(file)
	}
	if c.stdin == nil {
		text, err := io.ReadAll(c.Stdin)
		if err != nil {
			return nil, fmt.Errorf("read stdin: %w", err)
		}
		c.stdin = append([]byte{}, text...) // not nil: it was read
	}
	return c.stdin, nil
}
