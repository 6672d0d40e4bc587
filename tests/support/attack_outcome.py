"""What must be true of every answer to an attack, whatever else the case asks."""

from typing import Any

INSIDE = (b"traceback", b'file "', b"select ", b"site-packages", b"/tenants/", b".py")
CANARY = b"canary"


def assert_harmless(response: Any) -> Any:
    """No failure, nothing of another shop, nothing of the inside; a refusal is a problem."""
    told = response.content.lower()
    assert response.status_code < 500, response.content[:500]
    assert CANARY not in told
    assert not [word for word in INSIDE if word in told]
    if response.status_code >= 400:
        assert response["Content-Type"] == "application/problem+json"
        assert response.json()["status"] == response.status_code
    return response


def assert_refused(response: Any, *statuses: int) -> str:
    """The stable code of a refusal with one of these statuses; 400 unless told."""
    assert assert_harmless(response).status_code in (statuses or (400,)), response.content[:500]
    code: str = response.json()["code"]
    return code
