"""Read the snapshot of the catalog as a terminal does."""

import gzip
import json
from typing import Any, NamedTuple


class Snapshot(NamedTuple):
    """A complete snapshot: its header, its rows by type and id, and what was deleted."""

    header: dict[str, Any]
    rows: dict[tuple[str, str], dict[str, Any]]
    deleted: set[tuple[str, str]]

    @property
    def position(self) -> int:
        position: int = self.header["position"]
        return position

    def list_ids(self, kind: str) -> list[str]:
        return [id for name, id in self.rows if name == kind]


def get_lines(response: Any) -> list[bytes]:
    """Return the lines of a response."""
    assert response.status_code == 200, getattr(response, "content", b"")
    body = b"".join(response.streaming_content)
    if response.headers.get("Content-Encoding") == "gzip":
        assert response["Content-Length"] == str(len(body))
        body = gzip.decompress(body)
    assert body.endswith(b"\n")
    return body.splitlines()


def load_snapshot(client: Any, after: int | None = None, **headers: str) -> Snapshot:
    query = {} if after is None else {"after": after}
    first, *lines, last = map(json.loads, get_lines(client.get(PATH, query, **headers)))
    assert (first["type"], last) == ("header", {"type": "end", "rows": len(lines)})
    assert sum(first["counts"].values()) == len(lines)
    deleted = {(line["type"], line["id"]) for line in lines if "deleted" in line}
    rows = {(line["type"], line["data"]["id"]): line["data"] for line in lines if "data" in line}
    assert len(rows) + len(deleted) == len(lines)
    return Snapshot(first, rows, deleted)


PATH = "catalog/snapshot/"
