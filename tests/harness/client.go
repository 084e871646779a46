package harness

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/rest"
)

// Client talks JSON to an API server, with nothing between: a test that waits would start kubectl hundreds of times, and what a
// benchmark's client costs is taken from the processors that the syncer runs on.
type Client struct {
	HTTP *http.Client
	Base string // scheme and host
}

// NewClient makes a client that is whom the configuration names.
func NewClient(config *rest.Config) (*Client, error) {
	made, err := rest.HTTPClientFor(config)
	if err != nil {
		return nil, err
	}
	return &Client{HTTP: made, Base: config.Host}, nil
}

// Content types of requests.
const (
	JSON       = "application/json"
	MergePatch = "application/merge-patch+json"
	ApplyPatch = "application/apply-patch+yaml" // JSON is YAML
)

// Refused is an answer of the API server that is no success.
type Refused struct {
	Code    int
	Message string
}

func (r *Refused) Error() string { return fmt.Sprintf("%d: %s", r.Code, r.Message) }

// NotFound reports whether an error is the API server's 404.
func NotFound(err error) bool {
	refused, ok := errors.AsType[*Refused](err)
	return ok && refused.Code == http.StatusNotFound
}

// Do sends one request and decodes its answer into a pointer, unless that is nil.
func (c *Client) Do(ctx context.Context, method, path, contentType string, body []byte, into any) error {
	response, err := c.Open(ctx, method, path, contentType, JSON, body)
	if err != nil {
		return err
	}
	defer func() { _ = response.Body.Close() }()
	if into == nil {
		_, err = io.Copy(io.Discard, response.Body)
	} else {
		err = json.NewDecoder(response.Body).Decode(into)
	}
	if err != nil {
		return fmt.Errorf("%s %s: %w", method, path, err)
	}
	return nil
}

// Text reads what is no JSON, such as the API server's metrics.
func (c *Client) Text(ctx context.Context, path string) (string, error) {
	response, err := c.Open(ctx, http.MethodGet, path, "", "text/plain", nil)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		return "", fmt.Errorf("GET %s: %w", path, err)
	}
	return string(text), nil
}

// Open sends one request and leaves the body of a success to the caller.
func (c *Client) Open(ctx context.Context, method, path, contentType, accept string, body []byte) (*http.Response, error) {
	request, err := http.NewRequestWithContext(ctx, method, c.Base+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	request.Header.Set("Accept", accept)
	if contentType != "" {
		request.Header.Set("Content-Type", contentType)
	}
	response, err := c.HTTP.Do(request)
	if err != nil {
		return nil, err
	}
	if response.StatusCode < http.StatusMultipleChoices {
		return response, nil
	}
	defer func() { _ = response.Body.Close() }()
	refused := &Refused{Code: response.StatusCode, Message: response.Status}
	var status metav1.Status
	if json.NewDecoder(io.LimitReader(response.Body, 1<<20)).Decode(&status) == nil && status.Message != "" {
		refused.Message = status.Message
	}
	return nil, fmt.Errorf("%s %s: %w", method, path, refused)
}

// page is as much as one list request answers.
const page = 1000

// List reads a whole collection, page by page, and returns its resourceVersion. The selector of labels may be empty.
func List[Item any](ctx context.Context, c *Client, path, selector, accept string, each func(Item)) (resourceVersion string, err error) {
	query := url.Values{"limit": {strconv.Itoa(page)}, "labelSelector": {selector}}
	for {
		var got struct {
			Metadata metav1.ListMeta `json:"metadata"`
			Items    []Item          `json:"items"`
		}
		response, err := c.Open(ctx, http.MethodGet, path+"?"+query.Encode(), "", accept, nil)
		if err != nil {
			return "", err
		}
		err = json.NewDecoder(response.Body).Decode(&got)
		_ = response.Body.Close()
		if err != nil {
			return "", fmt.Errorf("list %s: %w", path, err)
		}
		for _, item := range got.Items {
			each(item)
		}
		if got.Metadata.Continue == "" {
			return got.Metadata.ResourceVersion, nil
		}
		query.Set("continue", got.Metadata.Continue)
	}
}
