import gzip
import io

import pytest
from django.core.handlers.wsgi import WSGIRequest

from tenants.api.parsers import BodyTooLarge, StrictJSONParser
from tests.support.problems import assert_problem

JSON = "application/json"
FORM = "application/x-www-form-urlencoded"
MIB = 1024 * 1024


@pytest.mark.parametrize("encoding", ["gzip", "br", "deflate", "identity, gzip", "x" * 5_000])
def test_compressed_body_is_rejected(http, encoding):
    bomb = gzip.compress(b"[" * 10 * MIB)  # attack 102
    response = http.post(
        "/api/echo/", bomb, content_type=JSON, headers={"Content-Encoding": encoding}
    )

    assert_problem(response, 415, "unsupported_content_encoding")


def test_identity_encoding_is_accepted(http):
    response = http.post(
        "/api/echo/", b"{}", content_type=JSON, headers={"Content-Encoding": "Identity"}
    )

    assert response.status_code == 200


def string_body(size: int) -> bytes:
    return b'"' + b"x" * (size - 2) + b'"'


def test_body_above_the_limit_is_rejected(http):
    fits = http.post("/api/echo/", string_body(MIB), content_type=JSON)
    exceeds = http.post("/api/echo/", string_body(MIB + 1), content_type=JSON)

    assert fits.status_code == 200
    assert assert_problem(exceeds, 413, "body_too_large")["max_bytes"] == MIB


def test_view_can_raise_the_body_limit(http):
    fits = http.post("/api/echo-much/", string_body(2 * MIB), content_type=JSON)
    exceeds = http.post("/api/echo-much/", string_body(2 * MIB + 1), content_type=JSON)

    assert fits.status_code == 200
    assert_problem(exceeds, 413, "body_too_large")


@pytest.mark.parametrize("content_type", [JSON, FORM])
def test_body_above_every_limit_is_rejected(http, content_type):
    body = b"x" * (9 * MIB)  # attack 102

    assert_problem(
        http.post("/api/echo-form/", body, content_type=content_type), 413, "body_too_large"
    )


def wsgi(body: bytes, **environ: str) -> WSGIRequest:
    return WSGIRequest(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": "/",
            "CONTENT_TYPE": JSON,
            "SERVER_NAME": "testserver",
            "SERVER_PORT": "80",
            "wsgi.input": io.BytesIO(body),
            "wsgi.url_scheme": "http",
            **environ,
        }
    )


def read(request: WSGIRequest) -> object:
    return StrictJSONParser().parse(request, JSON, {"request": request})


def test_body_is_read_only_up_to_the_content_length():
    # attack 102: the rest of the stream may be the next request.
    request = wsgi(b'{"a": 1}{"b": 2}', CONTENT_LENGTH="8")

    assert read(request) == {"a": 1}


def test_endless_stream_is_read_only_up_to_the_limit():
    class Endless(io.RawIOBase):
        given = 0

        def read(self, size: int = -1) -> bytes:
            assert size >= 0, "an unlimited read was requested"
            self.given += size
            return b"[" * size

    stream = Endless()

    with pytest.raises(BodyTooLarge):
        StrictJSONParser().parse(stream, JSON, {})  # attack 102
    assert stream.given == MIB + 1


def test_body_of_unknown_length_is_rejected(http):
    # attack 102: WSGI reads such a body as empty, and an action would run without its input.
    response = http.generic(
        "POST", "/api/echo/", b"", content_type=JSON, headers={"Transfer-Encoding": "chunked"}
    )

    assert_problem(response, 411, "length_required")


@pytest.mark.parametrize(
    ("text", "code"),
    [
        pytest.param(
            "{" + ",".join(f'"{n:x}":1' for n in range(100_000)) + "}",
            "unknown_field",
            id="attack-110-100000-keys",
        ),
        pytest.param(
            '{"lines": [' + ",".join(['{"quantity": "1"}'] * 50_000) + "]}",
            "max_length",
            id="attack-110-50000-lines",
        ),
        pytest.param('{"lines": [' + "[]," * 340_000 + "[]]}", "max_length", id="brackets"),
        pytest.param('{"lines": "' + '\\"' * 520_000 + '"}', "not_a_list", id="quotes"),
        pytest.param('{"note": "' + "a\u0301" * 250_000 + '"}', "max_length", id="combining-marks"),
    ],
)
@pytest.mark.timeout(20)  # quadratic code would take minutes
def test_large_body_is_rejected_quickly(http, text, code):
    body = text.encode()
    assert len(body) <= MIB

    response = http.post("/api/sell/", body, content_type=JSON)

    assert response.status_code == 400
    assert code in {error["code"] for error in response.json()["errors"]}
    assert len(response.content) < 10_000
