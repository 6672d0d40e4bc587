from config.parsers import StrictFormParser, StrictJSONParser  # noqa: F401  temporary
