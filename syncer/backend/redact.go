package backend

import (
	"regexp"
	"strings"
	"unicode"

	texts "github.com/secretgate/secretgate/shared/text"
)

// maxMessage is how many characters of a backend's message are kept; maxRaw how many bytes are looked at.
const (
	maxMessage = 300
	maxRaw     = 64 << 10
	redacted   = "[redacted]"
)

// sensitive are the names of things that must not be shown. They may have a prefix, as in x-amz-security-token.
const sensitive = `(?:[a-z0-9]+[_-])*(?:` +
	`pass(?:word|wd|phrase)|pwd|secret|token|jwt|signature|authorization|` +
	`secret[_-]?id|(?:secret|private|api|account|storage)[_-]?(?:access[_-]?)?key|client[_-]?secret|` +
	`(?:session|security|access|client|refresh|id|web[_-]?identity)[_-]?token)`

const quoted = `(?:"(?:[^"\\]|\\.)*"?|'[^']*'?)`

// The rules run in this order. A text that is part of what the message says anyway (the key, the role) is kept by
// those that only guess.
var (
	pemBlock      = regexp.MustCompile(`(?s)-{5}BEGIN .*?(?:-{5}END [A-Z0-9 ]*-{5}|$)`)
	authorization = regexp.MustCompile(`(?i)\b(authorization["']?\s*[:=]\s*["']?)[^\r\n"']+`)
	jsonObject    = regexp.MustCompile(`(?s)\{\s*\\?"[^}]*\}*`)
	urlSecrets    = regexp.MustCompile(`([a-zA-Z][a-zA-Z0-9+.-]*://)(?:[^/\s"'?#]*@)?([^\s"'?#]*)(?:[?#][^\s"']*)?`)
	// Not after a colon: in an ARN, secret: is followed by the name of the secret. Names may follow each other: token: password: x.
	named = regexp.MustCompile(`(?i)(^|[^:a-z0-9_-])((?:` + sensitive + `["']?\s*[:=]\s*)+)(` + quoted + `|[^\s,;&"'})\]]+)`)
	after = regexp.MustCompile(`(?i)(^|[^:a-z0-9_-])(` + sensitive + `(?:\s+[a-z]+){0,2}\s+)(` + quoted + `)`)

	// Forms that are credentials wherever they stand: Vault's tokens, AWS, Alibaba and Google keys and tokens, JWTs.
	credential = regexp.MustCompile(`\bhv[sbr]\.[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*` +
		`|\b[sbr]\.[A-Za-z0-9]{20,}(?:\.[A-Za-z0-9]+)?` +
		`|\b(?:AKIA|ASIA)[A-Z0-9]{12,}|\bLTAI[A-Za-z0-9]{8,}|\bSTS\.[A-Za-z0-9]{16,}|\bya29\.[A-Za-z0-9_.-]+|\bAIza[A-Za-z0-9_-]{20,}` +
		`|\beyJ[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)*`)

	// The caller's own address in errors of connections: another port each time, which would make each failure a new one.
	localPort = regexp.MustCompile(`(?:[0-9.]+|\[[0-9a-f:]+\]):\d+->`)

	// What errors go on with after a colon: "open /run/token: no such file or directory". None of these is a password.
	prose = regexp.MustCompile(`\A(?:no|not|is|permission|invalid|unexpected|unable|cannot|could|failed|missing|malformed|expired|` +
		`unsupported|too|open|read|stat|lookup|operation|input/output|i/o|EOF)\z`)

	hexBlob = regexp.MustCompile(`\b[0-9a-fA-F]{32,}\b`)
	// The two alphabets of base64 apart: in the first, a path is in one piece; in the second, a dashed name.
	base64Blob    = regexp.MustCompile(`[A-Za-z0-9+/]{40,}={0,2}`)
	base64URLBlob = regexp.MustCompile(`[A-Za-z0-9_-]{40,}={0,2}`)
)

// redact takes out of a backend's message what is a credential or a value, or looks like one, puts it on one line without
// characters that are not printable, and cuts it. It errs on the side of taking out too much: the error's kind and remedy say
// what matters. known are texts that the message shows in any case.
func redact(text string, known ...string) string {
	text = bounded(strings.ToValidUTF8(text, "?"))
	isKnown := func(s string) bool {
		for _, k := range known {
			if s != "" && strings.Contains(k, s) {
				return true
			}
		}
		return false
	}
	text = pemBlock.ReplaceAllString(text, redacted)
	text = authorization.ReplaceAllString(text, "${1}"+redacted)
	text = jsonObject.ReplaceAllString(text, redacted)
	text = urlSecrets.ReplaceAllString(text, "$1$2")
	text = redactAfterName(named, text, isKnown)
	text = redactAfterName(after, text, isKnown)
	text = credential.ReplaceAllString(text, redacted)
	for _, blob := range []*regexp.Regexp{hexBlob, base64Blob, base64URLBlob} {
		text = blob.ReplaceAllStringFunc(text, func(s string) string {
			if isKnown(s) || blob != hexBlob && !mixed(s) {
				return s
			}
			return redacted
		})
	}
	return texts.Cut(strings.TrimRight(oneLine(localPort.ReplaceAllString(text, "")), ". "), maxMessage)
}

// redactAfterName takes out the third group of a rule.
func redactAfterName(rule *regexp.Regexp, text string, isKnown func(string) bool) string {
	return rule.ReplaceAllStringFunc(text, func(s string) string {
		parts := rule.FindStringSubmatch(s)
		if strings.HasPrefix(redacted, parts[3]) || isKnown(strings.Trim(parts[3], `"'`)) || isProse(parts[2], parts[3]) {
			return s
		}
		return parts[1] + parts[2] + redacted
	})
}

// isProse reports whether a text is a sentence, not a value: the word after a colon and a space is one that errors begin with.
func isProse(name, word string) bool {
	return strings.HasSuffix(name, ": ") && prose.MatchString(word)
}

// bounded keeps the work small; what it cuts in two is dropped, so that no half of a token escapes its rule.
func bounded(text string) string {
	if len(text) <= maxRaw {
		return text
	}
	text = text[:maxRaw]
	return text[:strings.LastIndexAny(text, " \n\t")+1]
}

// mixed reports whether a text looks like base64: long names and paths seldom mix capitals, small letters and digits.
func mixed(s string) bool {
	return strings.ContainsFunc(s, unicode.IsUpper) && strings.ContainsFunc(s, unicode.IsLower) &&
		(strings.ContainsFunc(s, unicode.IsDigit) || strings.ContainsAny(s, "+="))
}

func oneLine(text string) string {
	return strings.Join(strings.FieldsFunc(text, func(r rune) bool { return unicode.IsSpace(r) || !unicode.IsPrint(r) }), " ")
}
