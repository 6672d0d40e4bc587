"""Valid JSON that is changed anywhere: another value, another key, text that is no JSON.

The same change applies to all bodies of the same shape, whatever their ids are.
"""

import json
from typing import Any, NamedTuple

from hypothesis import strategies as st

# Replaced by RAW text when the body is written.
PLACE = "@place@"
# Values of each type, at and beyond the limits of fields, and what only some parsers accept.
RAW = [
    *("null", "true", "-1", "0", "-0", "1", "0.5", "1.0", "1e2", "1E400", "-1e-400", "9" * 30),
    *("9" * 5_000, "0." + "3" * 300, "1e999999999", "NaN", "-Infinity", "01", "+1", ".5", "0x1"),
    *('""', '" "', '"x"', '"1"', '"1.0"', '"-1"', '"1e3"', '"0.005"', '"1_0"', '" 1 "', '"NaN"'),
    *('"\u0661"', '"\uff11"', '"\\u0000"', '"\u0000"', '"\n"', '"\\ud800"', '"\\ud83c\\udf4e"'),
    *('"\\udf4e\\ud83c"', '"\\u2028"', '"\u202e\u200d"', '"\ufeff"', '"e\u0301"', '"\ufdd0"'),
    *('"' + "a" * 300 + '"', '"' + "\U0001f34e" * 3_000 + '"', '"cash"', '"percent"', "'x'", "x"),
    *("[]", "{}", "[null]", "[[]]", "[{}]", '{"": 1}', '{"id": 1}', '{"__proto__": {}}', "[1,]"),
    *("[" * 40 + "]" * 40, "[" * 40, '{"a":' * 33 + "1" + "}" * 33, "", "1 2", "/**/1", "]"),
    *('"018f0000-0000-7000-8000-000000000001"', '"018F0000-0000-7000-8000-000000000001"'),
    *('"{018f0000-0000-7000-8000-000000000001}"', '"018f0000000070008000000000000001"'),
    *('"00000000-0000-0000-0000-000000000000"', '"2026-01-01T00:00:00Z"', "false"),
]
KEYS = [
    *("id", "lines", "payments", "discounts", "customer", "note", "device_sequence", "approval"),
    *("quantity", "unit_price", "product", "sku", "barcode", "amount", "method", "tendered"),
    *("register", "reference", "entry", "type", "value", "more", "", "Id", "\u0131d", "__class__"),
]
WHOLE = {
    "byte order mark": lambda body: b"\xef\xbb\xbf" + body,
    "invalid UTF-8": lambda body: body[:-1] + b"\xff" + body[-1:],
    "overlong UTF-8": lambda body: body.replace(b'"lines"', b'"l\xc1\xa9nes"'),
    "UTF-16": lambda body: body.decode().encode("utf-16"),
    "NUL at the end": lambda body: body + b"\0",
    "blanks": lambda body: b" \r\n\t" + body + b"\n ",
    "no-break space": lambda body: b"\xc2\xa0" + body,
    "two values": lambda body: body + body,
    "a part": lambda body: body[: len(body) // 2],
    "nothing": lambda body: b"",
    "in an array": lambda body: b"[" + body + b"]",
    "as a string": lambda body: json.dumps(body.decode()).encode(),
    "null": lambda body: b"null",
    "no object": lambda body: b"17",
}


class Change(NamedTuple):
    """A change at one of the places of a body, or of the body as a whole."""

    kind: str
    place: int = 0
    raw: str = ""
    key: str = ""


PLACES = st.integers(0, 1_000)
RAWS = st.sampled_from(RAW)
CHANGES = st.one_of(
    st.builds(Change, st.sampled_from(["replace", "repeat"]), PLACES, RAWS),
    st.builds(Change, st.just("add"), PLACES, RAWS, st.sampled_from(KEYS)),
    st.builds(Change, st.just("remove"), PLACES),
    st.builds(Change, st.sampled_from(sorted(WHOLE))),
)


def write_changed(body: Any, change: Change | None) -> bytes:
    """Return the body as JSON, with the change."""
    if change is None:
        return json.dumps(body).encode()
    if change.kind in WHOLE:
        return bytes(WHOLE[change.kind](json.dumps(body).encode()))
    changed = json.loads(json.dumps(body))
    places = list(find_places(changed))
    parent, name = places[change.place % len(places)]
    if change.kind == "remove":
        del parent[name]
        return json.dumps(changed).encode()
    if change.kind == "repeat" and isinstance(parent, dict):
        parent[f"{PLACE}{name}"] = PLACE
    elif change.kind == "add" and isinstance(parent, dict):
        parent[change.key] = PLACE
    else:
        parent[name] = PLACE
    text = json.dumps(changed, ensure_ascii=change.place % 2 == 0)
    # A repeated key has the mark before its name.
    text = text.replace(f'"{PLACE}"', change.raw).replace(PLACE, "")
    return text.encode("utf-8", "surrogatepass")


def find_places(value: Any) -> Any:
    """Yield each container with each of its keys or positions, at every depth."""
    items = list(value.items() if isinstance(value, dict) else enumerate(value))
    for name, inner in items:
        yield value, name
        if isinstance(inner, dict | list):
            yield from find_places(inner)
