package awssession

import (
	"bytes"
	"io"
	"net/http"

	"github.com/aws/aws-sdk-go-v2/aws"
)

// sender gives the transport a body of its own. The SDK closes the one that it made as soon as an answer begins, and reads
// of it end with an error then: where AWS answers before the transport has looked whether the body ends where it
// should, the transport takes that for a failed request, and closes the connection in the middle of the answer.
type sender struct{ aws.HTTPClient }

// Do sends a request. Those of AWS are small.
func (s sender) Do(request *http.Request) (*http.Response, error) {
	if request.Body == nil || request.Body == http.NoBody {
		return s.HTTPClient.Do(request)
	}
	body, err := io.ReadAll(request.Body)
	if err != nil {
		return nil, err
	}
	_ = request.Body.Close() // it is read, and holds nothing
	request.Body = io.NopCloser(bytes.NewReader(body))
	request.ContentLength = int64(len(body))
	return s.HTTPClient.Do(request)
}
