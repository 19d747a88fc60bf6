// Asks how far a message has come: GET /status/{message_ref_no}.
// Run beside go.mod: WACHAT_API_KEY=... WACHAT_REF_NO=... go run ./status
package main

import (
	"cmp"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"
)

func main() {
	log.SetFlags(0)
	api := strings.TrimRight(cmp.Or(os.Getenv("WACHAT_URL"), "http://127.0.0.1:8080"), "/") + "/wachat_api/1.0"
	key := setting("WACHAT_API_KEY")
	status, body, err := get(api+"/status/"+url.PathEscape(setting("WACHAT_REF_NO")), key)
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

func get(address, key string) (status int, body []byte, err error) {
	request, err := http.NewRequest(http.MethodGet, address, nil)
	if err != nil {
		return 0, nil, err
	}
	request.Header.Set("APIKey", key)
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
