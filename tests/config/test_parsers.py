import json
from collections.abc import Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tenants.api.parsers import MAX_DEPTH, MalformedBody, read_json
from tests.support.problems import assert_problem

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MIB = 1024 * 1024


def nested(depth: int, opening: str = "[", closing: str = "]") -> str:
    return opening * depth + closing * depth


@pytest.mark.parametrize(
    "text",
    [
        '{"name": "Käse", "count": 3, "open": true, "note": null, "tags": ["a", "b"]}',
        '{"name": "K\\u00e4se \\ud83e\\uddc0"}',
        '{"path": "C:\\\\u0000", "quote": "\\"[[[{{{"}',
        '{"brackets": "' + "[{" * 500 + '"}',
        nested(MAX_DEPTH),
        "[" + ",".join([nested(MAX_DEPTH - 1)] * 100) + "]",
        "[]",
        "12345678901234567890",
        '"' + "x" * 10_000 + '"',
    ],
)
def test_valid_json_is_read_unchanged(http, text):
    response = http.post("/api/echo/", text.encode(), content_type=JSON)

    assert response.status_code == 200
    assert response.json() == {"read": json.loads(text), "again": len(text.encode())}


@pytest.mark.parametrize("charset", ["utf-8", "UTF-8", '"utf8"'])
def test_utf_8_charset_is_accepted(http, charset):
    response = http.post("/api/echo/", b"{}", content_type=f"{JSON}; charset={charset}")

    assert response.status_code == 200


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(nested(33), "too_deep", id="one-level-too-deep"),
        pytest.param(nested(20_000, '{"a":', "}"), "too_deep", id="attack-101-objects-20000"),
        pytest.param(nested(100_000), "too_deep", id="attack-101-depth-100000"),
        pytest.param("[" * 100_000, "too_deep", id="attack-101-never-closed"),
        pytest.param('[["' * 20_000, "too_deep", id="attack-101-quotes-between"),
        pytest.param('{"a":[' * 16 + "[]", "malformed_json", id="some-never-closed"),
        pytest.param(nested(40, "[", "}"), "too_deep", id="closed-by-another"),
        pytest.param("]" * 40 + "[" * 30, "malformed_json", id="closed-before-opened"),
        pytest.param("1" * 5_000, "number_out_of_range", id="attack-104-integer-of-5000-digits"),
        pytest.param("-" + "1" * 5_000, "number_out_of_range", id="attack-104-negative"),
        pytest.param("1." + "1" * 5_000, "number_out_of_range", id="attack-104-fraction"),
        pytest.param("1e999999", "number_out_of_range", id="attack-104-exponent"),
        pytest.param("1e" + "9" * 30, "number_out_of_range", id="attack-104-exponent-of-30-digits"),
        pytest.param("[NaN]", "malformed_json", id="attack-105-nan"),
        pytest.param("[Infinity]", "malformed_json", id="attack-105-infinity"),
        pytest.param("[-Infinity]", "malformed_json", id="attack-105-minus-infinity"),
        pytest.param('{"password": "a\\u0000b"}', "nul_character", id="attack-14-escaped-nul"),
        pytest.param('{"a\\u0000": 1}', "nul_character", id="attack-109-nul-in-a-key"),
        pytest.param('{"a": "\0"}', "malformed_json", id="attack-109-raw-nul"),
        pytest.param('{"a": "\\ud800"}', "lone_surrogate", id="attack-14-high-surrogate"),
        pytest.param('{"a": "\\udc00"}', "lone_surrogate", id="attack-109-low-surrogate"),
        pytest.param('{"a": "\\udc00\\ud800"}', "lone_surrogate", id="attack-109-wrong-order"),
        pytest.param('{"\\uDBFF": 1}', "lone_surrogate", id="attack-109-surrogate-in-a-key"),
        pytest.param("", "malformed_json", id="blank"),
        pytest.param("\ufeff{}", "malformed_json", id="byte-order-mark"),
        pytest.param('{"a": 1,}', "malformed_json", id="trailing-comma"),
        pytest.param("{'a': 1}", "malformed_json", id="single-quotes"),
        pytest.param('{"a": 1} {}', "malformed_json", id="two-documents"),
        pytest.param('{"a": "\n"}', "malformed_json", id="raw-newline-in-a-string"),
        pytest.param("01", "malformed_json", id="leading-zero"),
    ],
)
def test_ambiguous_or_malformed_json_is_rejected(http, text, code):
    response = http.post("/api/echo/", text.encode() or b" ", content_type=JSON)

    assert_problem(response, 400, code)


@pytest.mark.parametrize(
    "text",
    [
        pytest.param('{"username": "c1", "username": "adm"}', id="attack-17-duplicate-keys"),
        pytest.param('{"username": "c1", "\\u0075sername": "adm"}', id="attack-17-escaped"),
        pytest.param('{"a": [{"username": 1, "username": 1}]}', id="attack-17-nested-and-equal"),
    ],
)
def test_duplicate_key_is_rejected_and_named(http, text):
    response = http.post("/api/echo/", text.encode(), content_type=JSON)

    assert_problem(response, 400, "duplicate_key", {"username": "duplicate_key"})


def test_long_duplicate_key_is_truncated_in_the_answer(http):
    key = "k" * 5_000
    response = http.post("/api/echo/", f'{{"{key}": 1, "{key}": 2}}'.encode(), content_type=JSON)

    assert_problem(response, 400, "duplicate_key", {"k" * 100: "duplicate_key"})


@pytest.mark.parametrize(
    "body",
    [
        pytest.param("{}".encode("utf-16"), id="utf-16"),
        pytest.param(b'"\xed\xa0\x80"', id="attack-109-surrogate-in-utf-8"),
        pytest.param(b'"\xc0\x80"', id="attack-109-overlong-nul"),
        pytest.param(b'"\xe4"', id="latin-1"),
    ],
)
def test_body_that_is_not_utf_8_is_rejected(http, body):
    assert_problem(http.post("/api/echo/", body, content_type=JSON), 400, "malformed_encoding")


@pytest.mark.parametrize(
    "charset",
    ["utf-16", "nope", "bz2_codec", "latin-1", "utf-7", "''", "utf-8; charset=utf-16"],
    ids=lambda charset: f"attack-29-{charset}",
)
def test_other_charset_is_rejected(http, charset):
    content_type = f"{JSON}; charset={charset}"
    response = http.generic("POST", "/api/echo/", b"{}", content_type=content_type)

    assert_problem(response, 400, "unsupported_charset")


@pytest.mark.parametrize(
    "content_type",
    ["text/plain", "application/xml", "multipart/form-data; boundary=x", FORM, "", "a/b/c", "json"],
    ids=lambda content_type: f"attack-29-{content_type or 'none'}",
)
def test_other_media_type_is_rejected(http, content_type):
    response = http.generic("POST", "/api/echo/", b'{"a": 1}', content_type=content_type)

    assert_problem(response, 415, "unsupported_media_type")


@pytest.mark.parametrize("key", ["__proto__", "constructor", "__class__", "quantity__gt", ""])
def test_keys_with_a_special_meaning_are_unknown_fields(http, key):
    # attack 111
    body = {"lines": [{"quantity": "1", key: {"a": 1}}]}
    response = http.post("/api/sell/", body, content_type=JSON)

    assert_problem(response, 400, "invalid", {f"lines[0].{key}": "unknown_field"})


@pytest.mark.slow
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers(-(10**38), 10**38) | st.text(),
        lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
        max_leaves=50,
    ),
    st.sampled_from([json.dumps, lambda value: json.dumps(value, ensure_ascii=False)]),
)
def test_any_json_is_read_back_or_rejected(value: object, write: Callable[[object], str]):
    body = write(value).encode(errors="surrogatepass")

    try:
        outcome = read_json(body)
    except MalformedBody as refused:
        outcome = refused.get_codes()

    spoiled = {"nul_character", "lone_surrogate", "malformed_encoding", "too_deep"}
    assert outcome == value or outcome in spoiled


def test_json_fractions_stay_exact():
    assert str(read_json(b"0.10000000000000000000000001")) == "0.10000000000000000000000001"


def test_oauth_form_is_read_as_fields(http):
    form = "username=c1&password=+a%2Bb+&tenant=k%C3%A4se&scope="
    response = http.post("/api/echo-form/", form.encode(), content_type=f"{FORM}; charset=utf-8")

    assert response.json()["read"] == {
        "username": "c1",
        "password": " a+b ",
        "tenant": "käse",
        "scope": "",
    }


@pytest.mark.parametrize(
    ("form", "content_type", "code"),
    [
        pytest.param(b"a=1\0", FORM, "nul_character", id="raw-nul"),
        pytest.param(b"a=%00", FORM, "nul_character", id="attack-14-escaped-nul"),
        pytest.param(b"%00=1", FORM, "nul_character", id="nul-in-a-name"),
        pytest.param(b"a=%ff", FORM, "malformed_encoding", id="escape-that-is-not-utf-8"),
        pytest.param(b"a=%ed%a0%80", FORM, "malformed_encoding", id="attack-14-surrogate"),
        pytest.param(b"a=\xff", FORM, "malformed_encoding", id="bytes-that-are-not-utf-8"),
        pytest.param(b"a=1&" * 60, FORM, "malformed_form", id="many-fields"),
        pytest.param(b"a=1", f"{FORM}; charset=utf-16", "unsupported_charset", id="attack-29"),
    ],
)
def test_form_is_parsed_as_strictly_as_json(http, form, content_type, code):
    response = http.generic("POST", "/api/echo-form/", form, content_type=content_type)

    assert_problem(response, 400, code)


def test_duplicate_form_field_is_rejected_and_named(http):
    response = http.post("/api/echo-form/", b"username=c1&username=adm", content_type=FORM)

    assert_problem(response, 400, "duplicate_key", {"username": "duplicate_key"})
