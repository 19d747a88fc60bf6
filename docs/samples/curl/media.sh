#!/bin/sh
# Queues a picture with a caption: POST /media.
# Run: WACHAT_API_KEY=... WACHAT_DEVICE_ID=... WACHAT_DESTINATION=628... ./media.sh
set -eu

need() { [ -n "$2" ] || { echo "$1 is not set" >&2; exit 2; }; }
need WACHAT_API_KEY "${WACHAT_API_KEY:-}"
need WACHAT_DEVICE_ID "${WACHAT_DEVICE_ID:-}"
need WACHAT_DESTINATION "${WACHAT_DESTINATION:-}"

api=${WACHAT_URL:-http://127.0.0.1:8080}
api=${api%/}/wachat_api/1.0
# The base64 goes through a pipe, which has no limit of length; with a file of yours: base64 < photo.jpg | jq ...
png=iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAAA1BMVEUl02aXOOtgAAAADElEQVR42mNgIA0AAAAwAAEodEl9AAAAAElFTkSuQmCC
fields=$(printf '%s' "$png" | jq -Rs --arg queue "$WACHAT_DEVICE_ID" --arg destination "$WACHAT_DESTINATION" \
  --arg caption "$(printf 'A green square 🟩\nThis is the second line.')" \
  '{$queue, $destination, $caption, media_base64: ., file_name: "square.png"}')
# One key for all tries: a repeat of a request that did arrive sends nothing twice.
key=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')

# curl writes the HTTP status after the body: it is the last three characters.
try=1
until answer=$(printf '%s' "$fields" | curl --silent --show-error --max-time 60 --write-out '%{http_code}' \
  --header "APIKey: $WACHAT_API_KEY" --header 'Content-Type: application/json' \
  --header "Idempotency-Key: $key" --data-binary @- "$api/media"); do
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
