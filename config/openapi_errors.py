"""The error codes of each operation, beside those that every request may be answered.

`python -m tests.tools.error_codes` finds them in the source and writes openapi_codes.json.
"""

import json
from functools import cache
from pathlib import Path
from typing import Any

ERROR_CODES = "x-error-codes"
FILE = Path(__file__).with_name("openapi_codes.json")


@cache
def load_codes() -> dict[str, dict[str, list[str]]]:
    codes: dict[str, dict[str, list[str]]] = json.loads(FILE.read_text("utf-8"))
    return codes


def add_error_codes(operation: dict[str, Any]) -> None:
    """Add the codes by status, for programs as `x-error-codes` and for people as text."""
    codes = load_codes().get(operation["operationId"])
    if not codes:
        return
    operation[ERROR_CODES] = codes
    listed = "; ".join(
        f"{status} {', '.join(f'`{code}`' for code in names)}" for status, names in codes.items()
    )
    text = f"Error codes: {listed}."
    operation["description"] = f"{operation.get('description', '')}\n\n{text}".strip()
