"""The original API's own checks of a body, FastAPI with pydantic v1, asked by tests/it/fastapi.rs.

Reads a case a line, {"path": "message" or "media", "body_base64": ...}, and writes what that API says of it a line:
{"status": 200, "values": {...}} or {"status": 422, "detail": [...]}. Both also hold "destination", the text of that
field and what `is_group` made of it, wherever the checks came so far: phone numbers are judged by who asks.

The models are the two of the API's documentation. What the contract adds to them is in the steps below, each under its
sentence, so that order and wording stay pydantic's.
"""

import asyncio
import base64
import json
import re
import sys
import unicodedata
from enum import Enum
from typing import Optional

from fastapi import FastAPI, Response
from pydantic import AnyHttpUrl, BaseModel, conint, root_validator, validator
from pydantic.errors import MissingError
from pydantic.validators import constr_length_validator, str_validator


def storable(text):
    """No store and no phone takes NUL or half of a surrogate pair."""
    return re.sub("[\0\ud800-\udfff]", "\ufffd", text)


def stripped(text):
    """Spaces around `queue`, `sender` and `destination` are trimmed."""
    return text.strip()


def none_if_empty(text):
    """`sender` and `queue` both absent: the client's default gateway. What is empty is absent."""
    return text or None


def unescaped(text):
    r"""A literal `\n`, `\r`, `\t`, `\uXXXX` (surrogate pairs too) and `\UXXXXXXXX`, with one or two backslashes, become
    the character. A backslash that starts none of these stays as it is."""
    digit = "[0-9a-fA-F]"
    pair = rf"u([dD][89abAB]{digit}{{2}})\\{{1,2}}u([dD][c-fC-F]{digit}{{2}})"
    escape = rf"\\{{1,2}}(?:([nrt])|{pair}|u({digit}{{4}})|U({digit}{{8}}))"

    def character(found):
        letter, high, low, short, long = found.groups()
        if letter:
            return {"n": "\n", "r": "\r", "t": "\t"}[letter]
        if high:
            return bytes.fromhex(high + low).decode("utf-16-be")
        number = int(short or long, 16)
        is_character = 0 < number < 0xD800 or 0xE000 <= number < 0x110000
        return chr(number) if is_character else found.group()

    return re.sub(escape, character, text)


def decoded(text):
    """`media_base64` must be base64 (standard or URL-safe, line breaks and a `data:...;base64,` prefix allowed)."""
    text = re.sub(r"\Adata:[^,]*;base64,", "", text.strip(), flags=re.IGNORECASE)
    # A space stands where a form had a plus.
    text = re.sub(r"[\t\n\r\f]", "", text)
    plain = text.rstrip("=")
    alphabet = "[A-Za-z0-9_-]*" if re.search("[_-]", plain) else "[A-Za-z0-9+/]*"
    padding = -len(plain) % 4
    if not plain or not re.fullmatch(alphabet, plain) or padding == 3 or len(text) - len(plain) > padding:
        raise ValueError(
            "this is not base64; encode the whole file, with or without a data:…;base64, prefix"
        )
    return base64.urlsafe_b64decode(plain.translate(str.maketrans("+/", "-_")) + "=" * padding)


def none_if_blank(text):
    """Exactly one of the two is needed. A text of spaces is no file."""
    return text if text.strip() else None


HIDDEN = re.compile("[\x00-\x1f\x7f-\x9f\u061c\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e007f]")
NAME_BYTES_MAX = 255


def base_name(text):
    """A file's name without a path and without what no file system takes."""
    last = re.split("[/\\\\\u2044\u2215\uff0f\uff3c]", HIDDEN.sub("", text))[-1].strip()
    while re.match("[A-Za-z]:", last):
        last = last[2:].lstrip()
    name = re.sub(r"[.\s]+$", "", last)
    if len(name.encode()) <= NAME_BYTES_MAX:
        return name
    stem, dot, ending = name.rpartition(".")
    if not stem or len(ending.encode()) > 16:
        stem, dot, ending = name, "", ""
    room = NAME_BYTES_MAX - len((dot + ending).encode())
    return stem.encode()[:room].decode(errors="ignore") + dot + ending


def kind(*steps, min_length=None, max_length=None):
    """A type of field: pydantic's str, then the steps in their order."""
    validators = (str_validator, storable, *steps)
    bounds = {"min_length": min_length, "max_length": max_length}
    return type("Kind", (str,), {**bounds, "__get_validators__": lambda: iter(validators)})


class Kind(str, Enum):
    """`kind` in `POST /media`."""

    image = "image"
    video = "video"
    audio = "audio"
    voice = "voice"
    document = "document"
    sticker = "sticker"
    video_note = "video_note"


class MediaUrl(AnyHttpUrl):
    """`media_url` must be an http(s) URL with a host. The address is answered as it was given."""

    max_length = 2048

    @classmethod
    def validate(cls, value, field, config):
        value = storable(str_validator(value))
        super().validate(value, field, config)
        return value.strip()


class Priority(str, Enum):
    """`priority`: `high`, `normal` (default) or `bulk`."""

    high = "high"
    normal = "normal"
    bulk = "bulk"


class Params(BaseModel):
    sender: Optional[kind(stripped, none_if_empty)]
    queue: Optional[kind(stripped, none_if_empty)]
    # 86400 by default, 1 to 2,592,000.
    timeout: Optional[conint(ge=1, le=2_592_000)] = 86400
    is_group: Optional[bool] = False
    destination: kind()
    priority: Optional[Priority] = Priority.normal
    # Up to 64 characters of the customer's choice; an empty one is none.
    tag: Optional[kind(constr_length_validator, none_if_empty, max_length=64)]

    @validator("destination")
    def destination_is_noted(cls, text, values):
        if "is_group" in values:
            noted.update(text=text, is_group=bool(values["is_group"]))
        return text


class SendMessageParams(Params):
    # 1 to 65,536 characters after decoding.
    message: kind(unescaped, constr_length_validator, min_length=1, max_length=65_536)


class SendMediaParams(Params):
    # Is treated the same way; it may be blank, which is none.
    caption: Optional[kind(unescaped, constr_length_validator, none_if_blank, max_length=65_536)]
    media_url: Optional[MediaUrl]
    media_base64: Optional[kind(none_if_blank)]
    file_name: Optional[kind(base_name)]
    kind: Optional[Kind]

    @validator("media_base64")
    def media_base64_is_base64(cls, text):
        return text and decoded(text)

    @validator("file_name", always=True)
    def with_media_base64_a_file_name_is_needed(cls, name, values):
        if values.get("media_base64") and name is None:
            raise MissingError()
        if values.get("media_base64") and not name:
            raise ValueError("this names no file; a file in media_base64 needs a name, such as photo.jpg")
        return name or None

    @validator("kind")
    def a_caption_is_shown(cls, kind, values):
        """A caption is never lost: a kind that shows none is refused together with one."""
        if values.get("caption") and kind in (Kind.audio, Kind.voice, Kind.sticker, Kind.video_note):
            raise ValueError(
                f"kind {kind.value} shows no caption; send the text as a message of its own, or use kind document"
            )
        return kind

    @root_validator
    def exactly_one_of_the_two_is_needed(cls, values):
        if "media_url" in values and "media_base64" in values:
            if values["media_url"] and values["media_base64"]:
                raise ValueError("give media_url or media_base64, not both")
            if not values["media_url"] and not values["media_base64"]:
                raise ValueError("give media_url or media_base64: one of them is required")
        return values


# A body sent without a JSON content type is still read as JSON when it is JSON; FastAPI does so under these.
JSON_TYPES = (None, b"application/json", b"application/json; charset=latin1", b"APPLICATION/problem+JSON")

app = FastAPI()
noted = {}


def answer(params):
    values = {name: base64.b64encode(v).decode() if type(v) is bytes else v for name, v in params}
    values["timeout"] = 86400 if values["timeout"] is None else values["timeout"]
    values["is_group"] = bool(values["is_group"])
    values["priority"] = (values["priority"] or Priority.normal).value
    return Response(json.dumps(values))


@app.post("/message")
async def message(body: SendMessageParams):
    return answer(body)


@app.post("/media")
async def media(body: SendMediaParams):
    return answer(body)


def is_utf8(body):
    """400: a body that is not UTF-8. Python's json takes UTF-16, UTF-32 and lone surrogates too."""
    try:
        body.decode()
    except UnicodeDecodeError:
        return False
    return json.detect_encoding(body).startswith("utf-8")


def in_older_words(fault, body):
    """Python 3.13 blames the comma before a closing bracket, the Pythons of the original API's days the bracket."""
    loc, msg, kind = fault["loc"], fault["msg"], fault["type"]
    if msg.startswith("Illegal trailing comma"):
        text = body.decode("utf-8-sig")
        bracket = re.compile(r"[]}]").search(text, loc[1]).start()
        wanted = "value" if text[bracket] == "]" else "property name enclosed in double quotes"
        loc, msg = ["body", bracket], str(json.JSONDecodeError(f"Expecting {wanted}", text, bracket))
    return {"loc": loc, "msg": msg, "type": kind}


async def ask(path, body):
    if not is_utf8(body):
        return {"status": 400}
    noted.clear()
    sent = []

    async def receive():
        return {"type": "http.request", "body": body}

    async def send(event):
        sent.append(event)

    content_type = JSON_TYPES[len(body) % len(JSON_TYPES)]
    headers = [(b"content-type", content_type)] if content_type else []
    scope = {"type": "http", "method": "POST", "path": f"/{path}", "query_string": b"", "headers": headers}
    await app(scope, receive, send)
    status, told = sent[0]["status"], json.loads(sent[1]["body"])
    said = {"status": status, "destination": dict(noted)}
    if status == 200:
        return said | {"values": told}
    if status == 422:
        return said | {"detail": [in_older_words(fault, body) for fault in told["detail"]]}
    return {"status": status}


async def main():
    for line in sys.stdin:
        case = json.loads(line)
        print(json.dumps(await ask(case["path"], base64.b64decode(case["body_base64"]))))


if __name__ == "__main__":
    asyncio.run(main())
