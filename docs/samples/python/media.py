# Queues a picture with a caption: POST /media.
# Run: WACHAT_API_KEY=... WACHAT_DEVICE_ID=... WACHAT_DESTINATION=628... python3 media.py
import os
import sys
import time
import uuid

import requests

PNG = "iVBORw0KGgoAAAANSUhEUgAAABAAAAAQAQMAAAAlPW0iAAAAA1BMVEUl02aXOOtgAAAADElEQVR42mNgIA0AAAAwAAEodEl9AAAAAElFTkSuQmCC"


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
    "caption": "A green square 🟩\nThis is the second line.",
    # A file of yours: base64.b64encode(pathlib.Path("photo.jpg").read_bytes()).decode()
    "media_base64": PNG,
    "file_name": "square.png",
}
for attempt in (1, 2, 3):
    try:
        answer = requests.post(f"{api}/media", headers=headers, json=fields, timeout=60)
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
