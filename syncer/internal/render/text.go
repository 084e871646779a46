package render

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// value is what a JSON value becomes in a Secret: strings their text, everything else its compact
// JSON, number for number and key for key as the backend holds it.
func (d *document) value(at span) ([]byte, error) {
	raw := d.data[at.from:at.to]
	if err := d.budget.takeBytes(len(raw)); err != nil {
		return nil, err
	}
	if !utf8.Valid(raw) {
		return nil, errNotUTF8
	}
	if raw[0] == '"' {
		return text(raw)
	}
	compact := bytes.NewBuffer(make([]byte, 0, len(raw)))
	if err := json.Compact(compact, raw); err != nil {
		return nil, errNotJSON // unreachable: raw is part of a document that was parsed
	}
	return compact.Bytes(), nil
}

// exactText is the text of a JSON value: of strings what they say, of null nothing, and of everything else what is written.
func exactText(b *budget, raw []byte) ([]byte, error) {
	if err := b.takeBytes(len(raw)); err != nil {
		return nil, err
	}
	switch {
	case !utf8.Valid(raw):
		return nil, errNotUTF8
	case raw[0] == '"':
		return text(raw)
	case bytes.Equal(raw, []byte("null")):
		return []byte{}, nil
	}
	return bytes.Clone(raw), nil
}

// text is the text of a JSON string.
func text(quoted []byte) ([]byte, error) {
	switch {
	case bytes.IndexByte(quoted, '\\') < 0:
		return bytes.Clone(quoted[1 : len(quoted)-1]), nil
	case loneSurrogate(quoted):
		return nil, errSurrogate
	}
	var s string
	if err := json.Unmarshal(quoted, &s); err != nil {
		return nil, errNotJSON // unreachable: it is part of a document that was parsed
	}
	return []byte(s), nil
}

// memberName is the text of a member's name. One that is no text stays as it is written, which no Secret can have as a name.
func memberName(quoted []byte) string {
	if bytes.IndexByte(quoted, '\\') < 0 {
		return string(quoted[1 : len(quoted)-1])
	}
	name, err := text(quoted)
	if err != nil {
		return string(quoted)
	}
	return string(name)
}

// loneSurrogate reports whether a JSON string has an escape of half a character (\ud800 to \udfff) without its other half:
// encoding/json would put U+FFFD there.
func loneSurrogate(quoted []byte) bool {
	for i := 0; i < len(quoted); i++ {
		if quoted[i] != '\\' {
			continue
		}
		i++ // what is escaped
		switch half := surrogate(quoted[i:]); {
		case half == 0:
		case half < 0xdc00 && quoted[i+5] == '\\' && surrogate(quoted[i+6:]) >= 0xdc00:
			i += len(`u0000\u0000`) - 1
		default:
			return true
		}
	}
	return false
}

// surrogate is the number of an escape such as udc00 if it stands for half of a character, else 0.
func surrogate(escape []byte) uint64 {
	if escape[0] != 'u' {
		return 0
	}
	n, err := strconv.ParseUint(string(escape[1:5]), 16, 16)
	if err != nil || n < 0xd800 || n > 0xdfff {
		return 0
	}
	return n
}

var (
	errPEM        = errors.New("is PEM")
	errAlphabets  = errors.New("it mixes the alphabets + / and - _")
	errCharacters = errors.New("it has other characters than base64 has")
	errPadding    = errors.New("the number of = at its end is wrong")
	errSpareBits  = errors.New("its last character says more than its bytes do")
)

// decodeBase64 reads base64 of either alphabet, with or without line ends, and nothing else: what could be decoded in another
// way, or is text by mistake, is an error. Node's Buffer, and so KES, made garbage of it.
func decodeBase64(data []byte) ([]byte, error) {
	if bytes.HasPrefix(bytes.TrimLeft(data, " \t\r\n"), []byte("-----BEGIN")) {
		return nil, errPEM
	}
	encoding := base64.StdEncoding
	if bytes.ContainsAny(data, "-_") {
		encoding = base64.URLEncoding
	}
	decoded := make([]byte, encoding.DecodedLen(len(data)))
	n, err := encoding.Strict().Decode(decoded, data) // passes over line ends
	if err != nil {
		return nil, base64Problem(data)
	}
	return decoded[:n], nil
}

// base64Problem says what keeps data from being base64, in no words of its own.
func base64Problem(data []byte) error {
	text := bytes.Map(func(r rune) rune {
		if r == '\r' || r == '\n' {
			return -1
		}
		return r
	}, data)
	body := bytes.TrimRight(text, "=")
	switch {
	case bytes.ContainsFunc(body, func(r rune) bool { return !isBase64(r) }):
		return errCharacters
	case bytes.ContainsAny(body, "-_") && bytes.ContainsAny(body, "+/"):
		return errAlphabets
	case len(text)%4 != 0 || len(text)-len(body) > 2:
		return errPadding
	default:
		return errSpareBits
	}
}

func isBase64(r rune) bool {
	return 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9' || strings.ContainsRune("+/-_", r)
}

// shown is a name of the backend in a message: cut, and without what would not be seen.
func shown(name string) string {
	name = strings.Map(func(r rune) rune {
		if !unicode.IsPrint(r) {
			return '\ufffd'
		}
		return r
	}, name)
	if runes := []rune(name); len(runes) > 128 {
		return string(runes[:128]) + "…"
	}
	return name
}
