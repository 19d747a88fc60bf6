# Queues a text message: POST /message.
# Run: WACHAT_API_KEY=... WACHAT_DEVICE_ID=... WACHAT_DESTINATION=628... python3 message.py
import os
import sys
import time
import uuid

import requests


def setting(name):
    value = os.environ.get(name)
    if not value:
        print(f"{name} is not set", file=sys.stderr)
        sys.exit(2)
    return value


api = (os.environ.get("WACHAT_URL") or "http://127.0.0.1:8080").rstrip("/") + "/wachat_api/1.0"
# One key for all tries: a repeat of a request that did arrive sends nothing twice.
headers = {"APIKey": setting("WACHAT_API_KEY"), "Idempotency-Key": str(uuid.uuid4())}
fields = {
    "queue": setting("WACHAT_DEVICE_ID"),
    "destination": setting("WACHAT_DESTINATION"),
    "message": "Hello from wachat 👋\nThis is the second line.",
}
for attempt in (1, 2, 3):
    try:
        answer = requests.post(f"{api}/message", headers=headers, json=fields, timeout=10)
        break
    except requests.RequestException as error:
        if attempt == 3:
            sys.exit(f"no answer: {error}")
        time.sleep(2)

try:
    envelope = answer.json()
    refused, message = envelope["error"], envelope["message"]
except (ValueError, TypeError, KeyError):
    sys.exit(f"{answer.status_code}: the answer is not one of this API")
if refused or not answer.ok:
    sys.exit(f"{answer.status_code}: {message}")
print(answer.content.decode())
