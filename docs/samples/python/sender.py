# Asks how many messages a gateway sent today, and its daily limit: GET /sender/{sender}.
# Run: WACHAT_API_KEY=... WACHAT_SENDER=628... python3 sender.py
import os
import sys
from urllib.parse import quote

import requests


def setting(name):
    value = os.environ.get(name)
    if not value:
        print(f"{name} is not set", file=sys.stderr)
        sys.exit(2)
    return value


api = (os.environ.get("WACHAT_URL") or "http://127.0.0.1:8080").rstrip("/") + "/wachat_api/1.0"
headers = {"APIKey": setting("WACHAT_API_KEY")}
sender = setting("WACHAT_SENDER")
try:
    answer = requests.get(f"{api}/sender/{quote(sender, safe='')}", headers=headers, timeout=10)
except requests.RequestException as error:
    sys.exit(f"no answer: {error}")

try:
    envelope = answer.json()
    refused, message = envelope["error"], envelope["message"]
except (ValueError, TypeError, KeyError):
    sys.exit(f"{answer.status_code}: the answer is not one of this API")
if refused or not answer.ok:
    sys.exit(f"{answer.status_code}: {message}")
print(answer.content.decode())
