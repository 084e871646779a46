package fault

import (
	"bytes"
	"compress/gzip"
	"net/http"
	"sync"
)

// floodMiB is how much a flood unpacks to.
const floodMiB = 512

// parts are the beginning of a flood and what goes on in it, packed. Packed parts that follow each other are one packed text.
var parts = sync.OnceValues(func() (first, more []byte) {
	return packed([]byte(`{"a":"`)), packed(bytes.Repeat([]byte("x"), 1<<20))
})

func packed(text []byte) []byte {
	var out bytes.Buffer
	w := gzip.NewWriter(&out)
	_, _ = w.Write(text) // memory takes everything
	_ = w.Close()
	return out.Bytes()
}

// WriteFlood answers 200 with half a megabyte that unpacks to half a gigabyte of JSON without an end.
func WriteFlood(w http.ResponseWriter, contentType string) {
	w.Header().Set("Content-Type", contentType)
	w.Header().Set("Content-Encoding", "gzip")
	first, more := parts()
	_, err := w.Write(first)
	for i := 0; i < floodMiB && err == nil; i++ {
		_, err = w.Write(more) // fails where the caller has hung up
	}
}
