package lab

import (
	"context"
	"fmt"
	"io"
	"net/http"
)

// Get reads a page, such as a service's metrics. An answer other than 200 is an error.
func Get(ctx context.Context, url string) (string, error) {
	return read(ctx, http.DefaultClient, url, "")
}

// get is a check that a URL answers 200.
func get(client *http.Client, url, token string) func(context.Context) error {
	return func(ctx context.Context) error {
		_, err := read(ctx, client, url, token)
		return err
	}
}

func read(ctx context.Context, client *http.Client, url, token string) (string, error) {
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return "", err
	}
	if token != "" {
		request.Header.Set("Authorization", "Bearer "+token)
	}
	response, err := client.Do(request)
	if err != nil {
		return "", err
	}
	defer func() { _ = response.Body.Close() }()
	body, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("%s: %s: %.1000s", url, response.Status, body)
	}
	return string(body), err
}
