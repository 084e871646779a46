package gotemplate

import (
	"encoding/base32"
	"encoding/base64"
	"maps"
	"slices"
	"strings"
	"sync"
	"text/template"

	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
)

// allowed are the functions of sprig that templates have: those whose result depends on nothing but what they are given. Those are left
// out that read the environment, the network, the clock or chance, that make keys, or that put what they are given into an error.
const allowed = `
	abbrev abbrevboth add add1 add1f addf adler32sum all any append atoi b32enc b64enc base biggest camelcase cat ceil chunk clean
	coalesce compact concat contains decryptAES deepCopy deepEqual default dict dig dir div divf duration durationRound empty ext first
	float64 floor fromJson get has hasKey hasPrefix hasSuffix hello indent initial initials int int64 isAbs join kebabcase kindIs kindOf last
	list lower max maxf merge mergeOverwrite min minf mod mul mulf mustAppend mustChunk mustCompact mustDeepCopy mustFirst mustFromJson
	mustHas mustInitial mustLast mustMerge mustMergeOverwrite mustPrepend mustPush mustRegexFind mustRegexFindAll mustRegexMatch
	mustRegexReplaceAll mustRegexReplaceAllLiteral mustRegexSplit mustRest mustReverse mustSlice mustToJson mustToPrettyJson
	mustToRawJson mustUniq mustWithout nindent nospace omit osBase osClean osDir osExt osIsAbs pick pluck plural prepend push quote
	regexFind regexFindAll regexMatch regexQuoteMeta regexReplaceAll regexReplaceAllLiteral regexSplit repeat replace rest reverse round
	semver semverCompare seq set sha1sum sha256sum sha512sum slice snakecase sortAlpha split splitList splitn squote sub subf substr
	swapcase ternary title toDecimal toJson toPrettyJson toRawJson toString toStrings trim trimAll trimall trimPrefix trimSuffix trunc
	tuple typeIs typeIsLike typeOf uniq unset until untilStep untitle upper urlJoin urlParse without wrap wrapWith`

// functions are all that templates have beside text/template's own.
var functions = sync.OnceValue(func() template.FuncMap {
	all := sprig.GenericFuncMap()
	chosen := template.FuncMap{
		// Sprig's give what they find in a map in an order that changes.
		"keys": func(of ...map[string]any) []string {
			var names []string
			for _, m := range of {
				names = append(names, slices.Sorted(maps.Keys(m))...)
			}
			return names
		},
		"values": func(of map[string]any) []any {
			var all []any
			for _, name := range slices.Sorted(maps.Keys(of)) {
				all = append(all, of[name])
			}
			return all
		},
		// Sprig's put the words of their error where the value would be.
		"b64dec": func(text string) (string, error) {
			data, err := base64.StdEncoding.DecodeString(text)
			return string(data), err
		},
		"b32dec": func(text string) (string, error) {
			data, err := base32.StdEncoding.DecodeString(text)
			return string(data), err
		},
		"toYaml": func(value any) (string, error) {
			text, err := yaml.Marshal(value)
			return strings.TrimSuffix(string(text), "\n"), err
		},
		"fromYaml": func(text string) (map[string]any, error) {
			value := map[string]any{}
			return value, yaml.Unmarshal([]byte(text), &value)
		},
	}
	for name := range strings.FieldsSeq(allowed) {
		chosen[name] = all[name]
	}
	maps.Copy(chosen, keyFunctions)
	return chosen
})
