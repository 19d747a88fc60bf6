// Queues a text message: POST /message.
// Run beside go.mod: WACHAT_API_KEY=... WACHAT_DEVICE_ID=... WACHAT_DESTINATION=628... go run ./message
package main

import (
	"bytes"
	"cmp"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"os"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	api := strings.TrimRight(cmp.Or(os.Getenv("WACHAT_URL"), "http://127.0.0.1:8080"), "/") + "/wachat_api/1.0"
	headers := http.Header{}
	headers.Set("APIKey", setting("WACHAT_API_KEY"))
	headers.Set("Content-Type", "application/json")
	// One key for all tries: a repeat of a request that did arrive sends nothing twice.
	headers.Set("Idempotency-Key", rand.Text())
	fields, err := json.Marshal(map[string]string{
		"queue":       setting("WACHAT_DEVICE_ID"),
		"destination": setting("WACHAT_DESTINATION"),
		"message":     "Hello from wachat 👋\nThis is the second line.",
	})
	if err != nil {
		log.Fatal(err)
	}
	status, body, err := post(api+"/message", headers, fields)
	for try := 1; err != nil && try < 3; try++ {
		time.Sleep(2 * time.Second)
		status, body, err = post(api+"/message", headers, fields)
	}
	if err != nil {
		log.Fatalf("no answer: %v", err)
	}

	envelope := struct {
		Error   bool
		Message string
	}{Error: true}
	if err := json.Unmarshal(body, &envelope); err != nil || envelope.Error || status >= 300 {
		log.Fatalf("%d: %s", status, cmp.Or(envelope.Message, "the answer is not one of this API"))
	}
	fmt.Println(string(body))
}

func post(address string, headers http.Header, fields []byte) (status int, body []byte, err error) {
	request, err := http.NewRequest(http.MethodPost, address, bytes.NewReader(fields))
	if err != nil {
		return 0, nil, err
	}
	request.Header = headers
	client := http.Client{Timeout: 10 * time.Second}
	answer, err := client.Do(request)
	if err != nil {
		return 0, nil, err
	}
	defer answer.Body.Close()
	body, err = io.ReadAll(answer.Body)
	return answer.StatusCode, body, err
}

func setting(name string) string {
	value := os.Getenv(name)
	if value == "" {
		fmt.Fprintln(os.Stderr, name, "is not set")
		os.Exit(2)
	}
	return value
}
