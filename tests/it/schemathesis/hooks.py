"""What is asked about: generated names name nothing, so most requests are given names of things that there are.

WACHAT_THINGS is a JSON object: lists of values by the names of parameters; under `spare`, those that may be removed. The
key that is used belongs to client 1, which is never named, so that no request can take the key, its person or its client
away.
"""

import json
import os
from collections import Counter

import schemathesis

THINGS = json.loads(os.environ["WACHAT_THINGS"])
# Nothing listens there: what the gateway is made to fetch or to push stays on this machine.
NOWHERE = "http://127.0.0.1:9/nothing"
OWN_CLIENT = 1

calls = Counter()


def count(operation):
    calls[operation] += 1
    return calls[operation]


def is_own(value):
    try:
        return int(str(value)) == OWN_CLIENT
    except ValueError:
        return False


def thing(name, number, is_removal):
    values = THINGS["spare"].get(name) if is_removal else None
    values = values or THINGS.get(name)
    return values[number % len(values)] if values else None


def keep_here(value):
    """Addresses that somebody would reach."""
    if isinstance(value, dict):
        return {name: keep_here(inner) for name, inner in value.items()}
    if isinstance(value, list):
        return [keep_here(inner) for inner in value]
    if isinstance(value, str) and value.strip().lower().startswith("http"):
        return NOWHERE
    return value


@schemathesis.hook
def before_call(context, case, kwargs):
    number = count(case.operation.label)
    # Every fourth request is as it was generated.
    is_real = number % 4 != 0
    is_removal = case.method.upper() == "DELETE"
    parts = [(case.path_parameters, is_real), (case.query, is_real and number % 2 == 0), (case.body, is_real and number % 3 == 0)]
    for values, is_named in parts:
        if not isinstance(values, dict):
            continue
        for name in list(values):
            value = thing(name, number, is_removal) if is_named else None
            if value is not None:
                values[name] = value
            elif name in ("client_id", "client") and is_own(values[name]):
                values[name] = THINGS["client_id"][0]
    if isinstance(case.body, (dict, list)):
        case.body = keep_here(case.body)
