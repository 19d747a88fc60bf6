#!/bin/sh
# Queues a text message: POST /message.
# Run: WACHAT_API_KEY=... WACHAT_DEVICE_ID=... WACHAT_DESTINATION=628... ./message.sh
set -eu

need() { [ -n "$2" ] || { echo "$1 is not set" >&2; exit 2; }; }
need WACHAT_API_KEY "${WACHAT_API_KEY:-}"
need WACHAT_DEVICE_ID "${WACHAT_DEVICE_ID:-}"
need WACHAT_DESTINATION "${WACHAT_DESTINATION:-}"

api=${WACHAT_URL:-http://127.0.0.1:8080}
api=${api%/}/wachat_api/1.0
fields=$(jq -n --arg queue "$WACHAT_DEVICE_ID" --arg destination "$WACHAT_DESTINATION" \
  --arg message "$(printf 'Hello from wachat 👋\nThis is the second line.')" \
  '{$queue, $destination, $message}')
# One key for all tries: a repeat of a request that did arrive sends nothing twice.
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

# curl writes the HTTP status after the body: it is the last three characters.
try=1
until answer=$(printf '%s' "$fields" | curl --silent --show-error --max-time 10 --write-out '%{http_code}' \
  --header "APIKey: $WACHAT_API_KEY" --header 'Content-Type: application/json' \
  --header "Idempotency-Key: $key" --data-binary @- "$api/message"); do
  [ "$try" -lt 3 ] || exit 1
  try=$((try + 1))
  sleep 2
done
body=${answer%???}
status=${answer#"$body"}
if [ "$status" -lt 300 ] && printf '%s' "$body" | jq -e '.error == false' >/dev/null 2>&1; then
  printf '%s\n' "$body"
else
  message=$(printf '%s' "$body" | jq -er .message 2>/dev/null) || message='the answer is not one of this API'
  printf '%s: %s\n' "$status" "$message" >&2
  exit 1
fi
