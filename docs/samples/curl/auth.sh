#!/bin/sh
# Asks whose the API key is: GET /auth/api_key.
# Run: WACHAT_API_KEY=... ./auth.sh
set -eu

need() { [ -n "$2" ] || { echo "$1 is not set" >&2; exit 2; }; }
need WACHAT_API_KEY "${WACHAT_API_KEY:-}"

api=${WACHAT_URL:-http://127.0.0.1:8080}
api=${api%/}/wachat_api/1.0
# curl writes the HTTP status after the body: it is the last three characters.
answer=$(curl --silent --show-error --max-time 10 --write-out '%{http_code}' \
  --header "APIKey: $WACHAT_API_KEY" "$api/auth/api_key") || exit 1
body=${answer%???}
status=${answer#"$body"}
if [ "$status" -lt 300 ] && printf '%s' "$body" | jq -e '.error == false' >/dev/null 2>&1; then
  printf '%s\n' "$body"
else
  message=$(printf '%s' "$body" | jq -er .message 2>/dev/null) || message='the answer is not one of this API'
  printf '%s: %s\n' "$status" "$message" >&2
  exit 1
fi
