"""The pages about people and places: the platform's, and those of the shop's own site."""

from accounts.admin import figures, log_ins, people, places, platform, records

__all__ = ["figures", "log_ins", "people", "places", "platform", "records"]
