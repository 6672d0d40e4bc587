"""The pages about people and places: the platform's, and those of the shop's own site."""

from accounts.admin import (
    approvals,
    devices,
    figures,
    log_ins,
    people,
    places,
    platform,
    records,
    settings,
)

__all__ = [
    "approvals",
    "devices",
    "figures",
    "log_ins",
    "people",
    "places",
    "platform",
    "records",
    "settings",
]
