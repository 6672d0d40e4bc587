"""Assertions on every response to an attack."""

from typing import Any

INTERNALS = (b"traceback", b'file "', b"select ", b"site-packages", b"/tenants/", b".py")
LEAK_MARKER = b"leakmark"


def assert_harmless(response: Any) -> Any:
    """Assert that there is no 5xx, no data of another shop and no internal detail."""
    content = response.content.lower()
    assert response.status_code < 500, response.content[:500]
    assert LEAK_MARKER not in content
    assert not [word for word in INTERNALS if word in content]
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code
    return response


def assert_refused(response: Any, *statuses: int) -> str:
    """Return the code of a refusal with one of these statuses, by default 400."""
    assert assert_harmless(response).status_code in (statuses or (400,)), response.content[:500]
    code: str = response.json()["code"]
    return code
