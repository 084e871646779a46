package render

import (
	"bytes"
	"encoding/base64"
	"errors"
	"fmt"

	"github.com/secretgate/secretgate/shared/plan"
)

var (
	errNotStandard = errors.New("base64 has letters, digits, + and /, and is padded with =")
	errNotURL      = errors.New("base64 for URLs has letters, digits, - and _, and is padded with =")
)

// finish does to a value what an entry does to each that it makes, once that has a name.
func (r *renderer) finish(e *plan.Entry, subject string, data []byte) ([]byte, error) {
	if e.Decoding != plan.NoDecoding {
		if err := r.budget.takeBytes(len(data)); err != nil {
			return nil, err
		}
		decoded, err := decoded(e.Decoding, data)
		if err != nil {
			w := r.plan.Words
			return nil, fmt.Errorf("%s cannot be decoded as %s says: %w: %s, or store it so", subject, w.Binary, err, w.NotBinary)
		}
		data = decoded
	}
	if e.NoNUL && bytes.IndexByte(data, 0) >= 0 {
		return nil, fmt.Errorf("%s has a byte of zero, which this entry refuses: store it without, or let the entry accept it", subject)
	}
	return data, nil
}

// decoded decodes as Go does: line ends count for nothing.
func decoded(how plan.Decoding, data []byte) ([]byte, error) {
	with := func(encoding *base64.Encoding, problem error) ([]byte, error) {
		into := make([]byte, encoding.DecodedLen(len(data)))
		n, err := encoding.Decode(into, data)
		if err != nil {
			return nil, problem
		}
		return into[:n], nil
	}
	switch how {
	case plan.Base64:
		return with(base64.StdEncoding, errNotStandard)
	case plan.Base64URL:
		return with(base64.URLEncoding, errNotURL)
	case plan.AutoDecode:
		for _, encoding := range []*base64.Encoding{base64.StdEncoding, base64.URLEncoding} {
			if into, err := with(encoding, errNotStandard); err == nil {
				return into, nil
			}
		}
		return data, nil
	case plan.NoDecoding:
	}
	return data, nil
}
