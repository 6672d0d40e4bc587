"""The OpenAPI document: its title and version, and the problems that every operation may answer.

Imported by the settings, and so free of anything that reads them.
"""

import re
from pathlib import Path
from typing import Any

CHANGELOG = Path(__file__).resolve().parent.parent / "CHANGELOG.md"
HEADING = re.compile(r"^## +\[?([^\]\s]+)", re.MULTILINE)
METHODS = ("get", "post", "put", "patch", "delete")

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "RFC 9457. Further members are facts about this problem, such as `available`.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["about:blank"]},
        "title": {"type": "string", "examples": ["Conflict"]},
        "status": {"type": "integer", "examples": [409]},
        "detail": {"type": "string", "description": "For people; its wording may change."},
        "code": {
            "type": "string",
            "description": "For programs; it does not change.",
            "examples": ["insufficient_stock"],
        },
        "request_id": {"type": "string", "description": "The X-Request-ID of this answer."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "row": {"type": "integer", "description": "Of a file; its header is row 1."},
                    "field": {
                        "type": "string",
                        "description": "Its path; empty for the body as a whole.",
                        "examples": ["lines[0].quantity"],
                    },
                    "code": {"type": "string"},
                    "detail": {"type": "string"},
                },
            },
        },
    },
}

SIGN_UP = "/api/v1/auth/signup/"
KEY: dict[str, Any] = {
    "name": "Idempotency-Key",
    "in": "header",
    "description": (
        "Makes repeating harmless: the request is done once, and sent again it gets the first "
        "answer again, with `Idempotent-Replayed: true` and with null for secrets that are shown "
        "once. The key is one's own, for this method and path, for 72 hours; with another body it "
        "is refused (422 `idempotency_key_reused`), and while the first still runs one is told to "
        "wait (409 `request_in_progress`). Refusals are not kept: the same key may try again. "
        "What moves money or stock needs a key, or an `id` in its body "
        "(400 `idempotency_key_required`); without an `id` it gets one that follows from the key, "
        "for ever."
    ),
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
REPLAYED: dict[str, Any] = {
    "description": "The request was done before; nothing was done now.",
    "schema": {"type": "string", "const": "true"},
}

IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "description": (
        "The `ETag` of the version that this starts from: if there is a newer one by now, it is "
        "refused (412 `version_conflict`). `*` says that any will do."
    ),
    "schema": {"type": "string", "pattern": r'^("[0-9]{1,9}"|\*)$', "examples": ['"3"', "*"]},
}
ETAG: dict[str, Any] = {
    "description": "The version of what the answer shows, to be sent back as `If-Match`.",
    "schema": {"type": "string", "pattern": '^"[0-9]+"$', "examples": ['"3"']},
}
# What changes the row that its path names does so from the version that is sent, if one is.
NAMES_ITS_ROW = "{id}"
# A log-in is shown without a version.
WITHOUT_VERSIONS = ("/api/v1/auth/sessions/{id}/",)
# The row is named in the query string.
NAMES_A_ROW = ("/api/v1/shifts/current/",)
# What somebody wants to go on from may be gone.
CHANGE_FEED_PATH = "/api/v1/changes/"
# A password is no part of the person that is shown with a version.
WITHOUT_VERSION = "/api/v1/auth/password/"

# For each status the name of its response component, and what it means.
RESPONSES: dict[str, tuple[str, str]] = {
    "400": ("Invalid", "The request is not valid; `errors` names the fields."),
    "401": ("Unauthorized", "No valid token."),
    "403": ("Forbidden", "Not for this person."),
    "404": ("NotFound", "There is no such thing in this shop."),
    "406": ("NotAcceptable", "The answer does not come in the media type asked for."),
    "409": ("Conflict", "Not possible in the present state."),
    "410": ("ChangesGone", "Changes after that are not kept any more: load everything anew."),
    "412": ("VersionConflict", "It has changed since `If-Match` was read."),
    "413": ("TooLarge", "The body is too large."),
    "415": ("UnsupportedMediaType", "The body is not in a media type that is read here."),
    "422": ("KeyReused", "The Idempotency-Key was used for another request."),
    "428": ("PreconditionRequired", "`If-Match` is needed, and was not sent."),
    "429": ("TooManyRequests", "Too many requests; `Retry-After` says when to come back."),
    "501": ("NotHere", "Something that this needs is not installed; `detail` says what."),
    "503": ("Unavailable", "Not at this moment; `Retry-After` says when to come back."),
}
ALWAYS = ("400", "401", "403", "406", "429", "503")
CHANGES = ("post", "put", "patch", "delete")


def newest_version(changelog: Path = CHANGELOG) -> str:
    """The first heading of the change log; a checkout without releases has none."""
    heading = HEADING.search(changelog.read_text("utf-8")) if changelog.exists() else None
    return heading[1] if heading else "Unreleased"


def document_problems(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Hook of drf-spectacular: adds what can go wrong to every operation that does not say."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components.setdefault("responses", {}).update(
        {name: response(meaning) for name, meaning in RESPONSES.values()}
    )
    components.setdefault("parameters", {}).update({"IdempotencyKey": KEY, "IfMatch": IF_MATCH})
    components.setdefault("headers", {}).update({"IdempotentReplayed": REPLAYED, "ETag": ETAG})
    for path, operations in result.get("paths", {}).items():
        for method in operations.keys() & set(METHODS):
            document_operation(path, method, operations[method], components["schemas"])
    return result


def document_operation(
    path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]
) -> None:
    document_tags(operation, schemas)
    if has_key(path, method, operation):
        document_key(operation)
    if reads_version(path, method):
        parameter = {"$ref": "#/components/parameters/IfMatch"}
        operation.setdefault("parameters", []).append(parameter)
    for status in list_problem_statuses(path, method, operation):
        name, _ = RESPONSES[status]
        reference = {"$ref": f"#/components/responses/{name}"}
        operation["responses"].setdefault(status, reference)


def document_tags(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Whatever is shown alone and has a version comes with it as entity tag."""
    for answer in operation["responses"].values():
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        shown = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
        if "version" in shown.get("properties", ()):
            answer.setdefault("headers", {})["ETag"] = {"$ref": "#/components/headers/ETag"}


def needs_version(path: str, method: str) -> bool:
    return method in {"patch", "put"} and path != WITHOUT_VERSION


def reads_version(path: str, method: str) -> bool:
    """Whether it looks at If-Match at all."""
    changes_row = method in CHANGES and NAMES_ITS_ROW in path and path not in WITHOUT_VERSIONS
    return changes_row or needs_version(path, method)


def has_key(path: str, method: str, operation: dict[str, Any]) -> bool:
    """Where nobody is logged in a key would be nobody's, but that of the shop which it opens."""
    return method == "post" and (bool(operation.get("security")) or path == SIGN_UP)


def document_key(operation: dict[str, Any]) -> None:
    reference = {"$ref": "#/components/parameters/IdempotencyKey"}
    operation.setdefault("parameters", []).append(reference)
    for answer in operation["responses"].values():
        replayed = {"$ref": "#/components/headers/IdempotentReplayed"}
        answer.setdefault("headers", {})["Idempotent-Replayed"] = replayed


def response(meaning: str) -> dict[str, Any]:
    return {
        "description": meaning,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }


def list_problem_statuses(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    """The statuses that this operation may answer besides its own."""
    has_body = "requestBody" in operation
    is_drawn = "application/pdf" in operation["responses"].get("200", {}).get("content", {})
    sometimes = {
        "404": "{" in path or path in NAMES_A_ROW,
        "409": method in CHANGES or is_drawn,
        "410": path == CHANGE_FEED_PATH,
        "412": reads_version(path, method),
        "413": has_body,
        "415": has_body,
        "422": has_key(path, method, operation),
        "428": needs_version(path, method),
        "501": is_drawn,
    }
    return sorted([*ALWAYS, *(status for status, may_be in sometimes.items() if may_be)])


SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Till",
    "DESCRIPTION": (
        "Point of sale for many shops. Amounts are decimal strings in the shop's currency, ids are "
        "UUIDs, times are RFC 3339 in UTC. Log in at `auth/token/` and send the access token as "
        "`Authorization: Bearer`. Errors are RFC 9457 problems with a stable `code`."
    ),
    "VERSION": newest_version(),
    "OAS_VERSION": "3.1.0",
    "SCHEMA_PATH_PREFIX": r"/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    # Choices that several shapes share under a name that other choices have as well.
    "ENUM_NAME_OVERRIDES": {
        "DiscountTypeEnum": ["percent", "amount"],
        "CardEntryEnum": "orders.models.Payment.Entry",
        "CardEntryInputEnum": ["external"],
        "LogInMethodEnum": "accounts.models.AuthSession.Method",
        "PaymentMethodEnum": "orders.models.Payment.Method",
        "RefundMethodEnum": "accounts.models.RefundMethod",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {"deepLinking": True, "displayRequestDuration": True},
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.document_problems",
    ],
}
