# Receives the messages that a Push URL is sent, checks their signature and appends them to a file.
# Run: WACHAT_PUSH_SECRET=whsec_... PORT=5000 python3 receiver.py
import base64
import fcntl
import hmac
import json
import os
import sys
import time

from flask import Flask, request

FIELDS = """id gateway_number originator receive_date msg type media_url file_name is_group group_id name about
    sent_date media_pending""".split()
INBOX = os.environ.get("WACHAT_INBOX") or "inbox.jsonl"
BODY_BYTES_MAX = 1024 * 1024
AGE_SECONDS_MAX = 5 * 60


def secret():
    prefix, _, encoded = os.environ.get("WACHAT_PUSH_SECRET", "").partition("_")
    try:
        key = base64.b64decode(encoded, validate=True)
    except ValueError:
        key = b""
    if prefix != "whsec" or not key:
        print("WACHAT_PUSH_SECRET is not set to whsec_ and base64", file=sys.stderr)
        sys.exit(2)
    return key


SECRET = secret()
app = Flask(__name__, static_folder=None)
# A long message takes more than Flask's own limit for forms.
app.config.update(MAX_CONTENT_LENGTH=BODY_BYTES_MAX, MAX_FORM_MEMORY_SIZE=BODY_BYTES_MAX)


@app.post("/", defaults={"path": ""})
@app.post("/<path:path>")
def receive(path):
    # The signature is of the body as it came: read it before Flask takes the form apart.
    if not is_signed(request.headers, request.get_data()):
        return "the signature is wrong\n", 401
    message = {field: request.form.get(field, "") for field in FIELDS}
    if not message["id"]:
        return "the id is missing\n", 400
    keep(message)
    return "ok"


def is_signed(headers, body):
    """Standard Webhooks, https://www.standardwebhooks.com"""
    event, sent_at = headers.get("webhook-id", ""), headers.get("webhook-timestamp", "")
    try:
        age = abs(int(time.time()) - int(sent_at))
    except ValueError:
        return False
    if age > AGE_SECONDS_MAX:
        return False
    signed = f"{event}.{sent_at}.".encode() + body
    wanted = b"v1," + base64.b64encode(hmac.digest(SECRET, signed, "sha256"))
    given = headers.get("webhook-signature", "").encode().split(b" ")
    return any(hmac.compare_digest(wanted, signature) for signature in given)


def is_complete(message):
    """A file may still be on its way, and a message that cannot be read may still come: both are pushed again."""
    return message.get("media_pending") != "true" and message["type"] != "unreadable"


def keep(message):
    """Appends the message, unless it is there; the last line with its id counts. Requests that come at once wait for each other."""
    with open(INBOX, "a+b") as inbox:
        fcntl.flock(inbox, fcntl.LOCK_EX)
        inbox.seek(0)
        lines = inbox.read().splitlines(keepends=True)
        # A line that a crash cut short was never answered with ok: its message comes again.
        if lines and not lines[-1].endswith(b"\n"):
            inbox.truncate(inbox.tell() - len(lines.pop()))
        known = [one for one in map(json.loads, lines) if one["id"] == message["id"]]
        # A late try of an earlier push never replaces what is complete.
        if known and (known[-1] == message or is_complete(known[-1]) or message["type"] == "unreadable"):
            return
        inbox.write(json.dumps(message, ensure_ascii=False).encode() + b"\n")
        inbox.flush()
        os.fsync(inbox.fileno())


if __name__ == "__main__":
    app.run(host="127.0.0.1", port=int(os.environ.get("PORT") or 5000))
