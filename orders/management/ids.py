"""Ids for what a command makes: the same in every run, so that nothing is made twice."""

import uuid

NAMESPACE = uuid.UUID("5c1e2a0e-6f0b-5b53-9c0b-7d0f3a1b9e42")


def stable_id(*names: object) -> uuid.UUID:
    """The id of what has these names; it looks random and always comes out alike."""
    return uuid.uuid5(NAMESPACE, "/".join(str(name) for name in names))
