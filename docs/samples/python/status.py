# Asks how far a message has come: GET /status/{message_ref_no}.
# Run: WACHAT_API_KEY=... WACHAT_REF_NO=... python3 status.py
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
ref_no = setting("WACHAT_REF_NO")
try:
    answer = requests.get(f"{api}/status/{quote(ref_no, safe='')}", headers=headers, timeout=10)
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
