"""Store credits over HTTP."""

from typing import Any

from tests.support.api import Person


def look_up(person: Person, code: str) -> Any:
    return person.get("store-credits/", {"code": code})


def found_balances(person: Person, code: str) -> list[str]:
    return [each["balance"] for each in look_up(person, code).json()["results"]]
