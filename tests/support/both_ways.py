"""Send a request through the WSGI application: before Django, and through Django alone."""

import io
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from django.conf import settings
from django.test import override_settings

from config.wsgi import application
from tenants.api.fast_entry import hits

REQUEST_ID = "both-ways"


class Answer(NamedTuple):
    """A response as the WSGI server sends it."""

    status: str
    headers: list[tuple[str, str]]
    body: bytes


def call(method: str, path: str, body: bytes = b"", **headers: str) -> Answer:
    """Send one request to the WSGI application and return its response."""
    target = urlsplit(path)
    environ: dict[str, Any] = {
        "REQUEST_METHOD": method,
        "PATH_INFO": target.path,
        "QUERY_STRING": target.query,
        "SCRIPT_NAME": "",
        "SERVER_NAME": "testserver",
        "SERVER_PORT": "80",
        "SERVER_PROTOCOL": "HTTP/1.1",
        "REMOTE_ADDR": "127.0.0.1",
        "HTTP_HOST": "testserver",
        "HTTP_X_REQUEST_ID": REQUEST_ID,
        "wsgi.url_scheme": "http",
        "wsgi.input": io.BytesIO(body),
        "wsgi.errors": io.StringIO(),
        "wsgi.version": (1, 0),
        "wsgi.multithread": True,
        "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }
    if body:
        environ |= {"CONTENT_LENGTH": str(len(body)), "CONTENT_TYPE": "application/json"}
    if "content_type" in headers:
        environ["CONTENT_TYPE"] = headers.pop("content_type")
    for name, value in headers.items():
        environ[f"HTTP_{name.upper().replace('-', '_')}"] = value
    started: list[Any] = []
    result = application(environ, lambda status, given, _=None: started.extend((status, given)))
    content = b"".join(result)
    if hasattr(result, "close"):
        result.close()
    return Answer(started[0], started[1], content)


class BothWays:
    """A client that sends a read both ways and asserts that the answers are the same."""

    def __init__(self, access: str | None = None) -> None:
        self.headers = {} if access is None else {"authorization": f"Bearer {access}"}

    def get(self, path: str, *, fast: bool | None = True, **headers: str) -> Answer:
        """Return the answer; `fast` says whether it must be made before Django, None for either."""
        assert settings.FAST_PATHS
        given = self.headers | headers
        with override_settings(FAST_PATHS=False):
            plain = call("GET", path, **given)
        before = hits.total()
        answer = call("GET", path, **given)
        assert answer == plain, f"before Django:\n{answer}\nthe view:\n{plain}"
        if fast is not None:
            assert hits.total() - before == int(fast), (
                f"{path} was {'not ' if fast else ''}answered"
            )
        return answer
