package api

import (
	"encoding/base64"
	"encoding/json"
	"strconv"
	"time"
)

// Operation runs a call of an AWS JSON service on its request's body.
type Operation func(Call, []byte) (any, error)

// Typed makes an Operation of a function that takes the decoded body.
func Typed[In any](f func(Call, In) (any, error)) Operation {
	return func(call Call, body []byte) (any, error) {
		var in In
		if err := json.Unmarshal(body, &in); err != nil {
			// The decoder's own words may quote the body, and so a value.
			return nil, Errorf("SerializationException", "The request body is not a JSON object of this operation's shape.")
		}
		return f(call, in)
	}
}

// Validation is how AWS words a parameter that its model forbids.
func Validation(member, value, constraint string) error {
	if value != "" {
		value = "Value '" + value + "'"
	} else {
		value = "Value null"
	}
	return Errorf("ValidationException", "1 validation error detected: %s at '%s' failed to satisfy constraint: %s", value, member,
		constraint)
}

// Epoch writes a time as AWS JSON does: seconds since 1970, with milliseconds.
type Epoch time.Time

// MarshalJSON implements json.Marshaler.
func (e Epoch) MarshalJSON() ([]byte, error) {
	return strconv.AppendFloat(nil, float64(time.Time(e).UnixMilli())/1000, 'f', -1, 64), nil
}

// IsZero is for omitzero.
func (e Epoch) IsZero() bool { return time.Time(e).IsZero() }

// Page is one cut out of a list: from Start to before End, and the token of the next one, if any.
type Page struct {
	Start, End int
	Next       string
}

// PageOf cuts a page of size out of total items. ok is false for a token that was never issued. The token is the offset
// of the next page, so that items which come or go between two pages may be told twice or not at all, as on AWS.
func PageOf(total, size int, token string) (p Page, ok bool) {
	if token != "" {
		raw, decodeErr := base64.StdEncoding.DecodeString(token)
		offset, parseErr := strconv.Atoi(string(raw))
		if decodeErr != nil || parseErr != nil || offset < 0 {
			return Page{}, false
		}
		p.Start = min(offset, total)
	}
	p.End = min(p.Start+size, total)
	if p.End < total {
		p.Next = base64.StdEncoding.EncodeToString([]byte(strconv.Itoa(p.End)))
	}
	return p, true
}
