// Command reader stands for a user's program: it answers, at :8080, with the files below /mounted, where its pod has Secrets.
package main

import (
	"fmt"
	"net/http"
	"os"
	"time"
)

func main() {
	server := http.Server{Addr: ":8080", Handler: http.FileServer(http.Dir("/mounted")), ReadHeaderTimeout: 5 * time.Second}
	fmt.Fprintln(os.Stderr, server.ListenAndServe())
	os.Exit(1)
}
