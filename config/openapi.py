"""Settings and hooks of the OpenAPI document: title, version, headers and error responses.

The settings import this module, so that it must not read them.
"""

import re
from typing import Any

from django.urls import ResolverMatch, resolve

from accounts.service_scopes import find_scope
from config import __version__
from config.openapi_errors import add_error_codes
from config.openapi_examples import add_examples
from config.openapi_operations import TAGS, describe_operation

METHODS = ("get", "post", "put", "patch", "delete")

PROBLEM: dict[str, Any] = {
    "type": "object",
    "description": "A problem document (RFC 9457). Further members are facts, such as `available`.",
    "required": ["type", "title", "status", "detail", "code", "request_id"],
    "properties": {
        "type": {"type": "string", "format": "uri-reference", "examples": ["about:blank"]},
        "title": {"type": "string", "examples": ["Conflict"]},
        "status": {"type": "integer", "examples": [409]},
        "detail": {
            "type": "string",
            "description": "A message for people. The wording may change.",
        },
        "code": {
            "type": "string",
            "description": "A stable error code for programs.",
            "examples": ["insufficient_stock"],
        },
        "request_id": {"type": "string", "description": "The X-Request-ID of the response."},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "detail"],
                "properties": {
                    "row": {
                        "type": "integer",
                        "description": "The row of an uploaded file; the header is row 1.",
                    },
                    "field": {
                        "type": "string",
                        "description": "The path of the field; empty for the body as a whole.",
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
        "Makes retries safe: the request has its effect once, and a retry gets the first response "
        "again, with `Idempotent-Replayed: true` and null for secrets that are shown only once. "
        "The key belongs to the user, method and path, and is kept for 72 hours. Another body is "
        "an error (422 `idempotency_key_reused`), as is a retry while the first request is in "
        "progress (409 `request_in_progress`). Errors are not saved: the key may be used again. "
        "Requests that move money or stock require a key, or an `id` in the body "
        "(400 `idempotency_key_required`). Without an `id`, it is derived from the key."
    ),
    "schema": {"type": "string", "pattern": "^[!-~]{1,255}$"},
}
REPLAYED: dict[str, Any] = {
    "description": "This is the response to an earlier request with the same key.",
    "schema": {"type": "string", "const": "true"},
}

IF_MATCH: dict[str, Any] = {
    "name": "If-Match",
    "in": "header",
    "required": False,
    "description": (
        "The `ETag` of the version on which the change is based. A newer version is an error "
        "(412 `version_conflict`). `*` accepts any version."
    ),
    "schema": {"type": "string", "pattern": r'^("[0-9]{1,9}"|\*)$', "examples": ['"3"', "*"]},
}
REQUIRED_IF_MATCH = IF_MATCH | {"required": True}
ETAG: dict[str, Any] = {
    "description": "The version of the returned object, to be sent as `If-Match`.",
    "schema": {"type": "string", "pattern": '^"[0-9]+"$', "examples": ['"3"']},
}
IF_NONE_MATCH: dict[str, Any] = {
    "name": "If-None-Match",
    "in": "header",
    "description": "The `ETag` of an earlier response. If it is current, the response is 304.",
    "schema": {"type": "string", "examples": ['"3"', 'W/"5b0e2f7d1c3a49f86e21d0b4"']},
}
LIST_ETAG: dict[str, Any] = {
    "description": "Names the content of this page, to be sent as `If-None-Match`.",
    "schema": {"type": "string", "pattern": '^W/"[0-9a-f]{24}"$'},
}
SNAPSHOT_ETAG: dict[str, Any] = {
    "description": "Names the rows of the whole snapshot, to be sent as `If-None-Match`.",
    "schema": {"type": "string", "pattern": '^W/"[0-9a-f]{8}-[0-9]+"$'},
}
NOT_MODIFIED = {"description": "The response still has the `ETag` given in `If-None-Match`."}
SNAPSHOT_PATH = "/api/v1/catalog/snapshot/"
# The only actions that answer If-None-Match, in views that say so.
LIST_ACTION = "list"
CONDITIONAL_ACTIONS = frozenset({"retrieve", "get", "load"})
# Operations that change the row of their path accept a version.
ROW_IN_PATH = "{id}"
# Sessions have no version, and a provider sends its events without one.
UNVERSIONED_PATHS = ("/api/v1/auth/sessions/{id}/", "/api/v1/payment-events/{id}/")
# The row is selected by the query string.
PATHS_WITH_ROW_IN_QUERY = ("/api/v1/shifts/current/",)
# The position to continue from may be gone.
PATHS_WITH_POSITION = ("/api/v1/changes/", SNAPSHOT_PATH)
# Reads that may answer 409: a booking batch without accounts.
READS_WITH_CONFLICT = ("/api/v1/reports/bookkeeping/",)
# The password is not part of the versioned user.
UNVERSIONED_PATH = "/api/v1/auth/password/"

TERMINAL: dict[str, Any] = {
    "type": "apiKey",
    "in": "header",
    "name": "X-Terminal-Token",
    "description": "The token of a paired terminal, from `registers/{id}/pair/`.",
}
PASSWORD_FORM: dict[str, Any] = {
    "type": "oauth2",
    "description": "The username with the slug of its shop, for example `corner/manager`.",
    "flows": {
        "password": {
            "tokenUrl": "/api/v1/auth/token/",
            "scopes": {},
        }
    },
}
SERVICE_KEY: dict[str, Any] = {
    "type": "http",
    "scheme": "bearer",
    "description": "A service key (`till_sk_...`) with the scope that `x-scope` names.",
}
PATH_PARAMETER = re.compile(r"{\w+}")
SOME_ID = "0190163d-8694-739b-aea5-966c26f8ad91"
# Requests that a terminal authenticates with its own token.
TERMINAL_PATHS = ("/api/v1/auth/pin/", "/api/v1/auth/pin/users/")

# For each status the name of its response component, and what it means.
RESPONSES: dict[str, tuple[str, str]] = {
    "400": ("Invalid", "The request is invalid; `errors` names the fields."),
    "401": ("Unauthorized", "The access token is missing or invalid."),
    "403": ("Forbidden", "The user lacks the permission."),
    "404": ("NotFound", "The object does not exist in this shop."),
    "406": ("NotAcceptable", "The response is not available in the requested media type."),
    "409": ("Conflict", "The request conflicts with the current state."),
    "410": ("ChangesGone", "Changes after this position are no longer available. Reload all data."),
    "412": ("VersionConflict", "The object has a newer version than `If-Match`."),
    "413": ("TooLarge", "The body is too large."),
    "415": ("UnsupportedMediaType", "The media type of the body is not supported."),
    "422": ("KeyReused", "The Idempotency-Key was used for another request."),
    "428": ("PreconditionRequired", "`If-Match` is required."),
    "429": ("TooManyRequests", "Too many requests; `Retry-After` is the wait in seconds."),
    "501": ("NotHere", "The feature is not installed on this server; see `detail`."),
    "503": ("Unavailable", "Temporarily unavailable; `Retry-After` is the wait in seconds."),
}
COMMON_STATUSES = ("400", "401", "403", "406", "429", "503")
WRITE_METHODS = ("post", "put", "patch", "delete")


def document_problems(
    result: dict[str, Any], generator: Any, request: Any, public: bool
) -> dict[str, Any]:
    """Add the error responses to every operation that does not define them (hook)."""
    components = result.setdefault("components", {})
    components.setdefault("schemas", {})["Problem"] = PROBLEM
    components.setdefault("responses", {}).update(
        {name: build_response(meaning) for name, meaning in RESPONSES.values()}
    )
    components.setdefault("parameters", {}).update(
        {
            "IdempotencyKey": KEY,
            "IfMatch": IF_MATCH,
            "RequiredIfMatch": REQUIRED_IF_MATCH,
            "IfNoneMatch": IF_NONE_MATCH,
        }
    )
    components.setdefault("securitySchemes", {}).update(
        {"password": PASSWORD_FORM, "service_key": SERVICE_KEY, "terminal": TERMINAL}
    )
    components.setdefault("headers", {}).update(
        {
            "IdempotentReplayed": REPLAYED,
            "ETag": ETAG,
            "ListETag": LIST_ETAG,
            "SnapshotETag": SNAPSHOT_ETAG,
        }
    )
    for path, operations in result.get("paths", {}).items():
        for method in operations.keys() & set(METHODS):
            document_operation(path, method, operations[method], components["schemas"])
    document_tags(result)
    return result


def document_operation(
    path: str, method: str, operation: dict[str, Any], schemas: dict[str, Any]
) -> None:
    describe_operation(path, method, operation)
    add_examples(operation)
    add_error_codes(operation)
    document_etags(operation, schemas)
    if accepts_idempotency_key(path, method, operation):
        document_idempotency_key(operation)
    if reads_version(path, method):
        name = "RequiredIfMatch" if needs_version(path, method) else "IfMatch"
        parameter = {"$ref": f"#/components/parameters/{name}"}
        operation.setdefault("parameters", []).append(parameter)
    if method == "get":
        document_conditional_get(path, operation)
    for status in list_problem_statuses(path, method, operation):
        name, _ = RESPONSES[status]
        reference = {"$ref": f"#/components/responses/{name}"}
        operation["responses"].setdefault(status, reference)
    document_security(path, operation)
    document_scope(path, method, operation)


def document_security(path: str, operation: dict[str, Any]) -> None:
    """Add the password form, which gets the same access token, and the token of a terminal."""
    if operation.get("security"):
        operation["security"].append({"password": []})
    else:
        operation["security"] = [{"terminal": []}] if path in TERMINAL_PATHS else []


def document_scope(path: str, method: str, operation: dict[str, Any]) -> None:
    """Add service keys to an operation that they may use, and the scope that they need."""
    route = find_route(path).url_name
    if scope := find_scope(method, route):
        operation["security"].append({"service_key": []})
        operation["x-scope"] = scope


def find_route(path: str) -> ResolverMatch:
    return resolve(PATH_PARAMETER.sub(SOME_ID, path))


def document_tags(document: dict[str, Any]) -> None:
    """List the tags in the order of `TAGS`, then tags that have no description yet."""
    used = {
        tag
        for operations in document.get("paths", {}).values()
        for method in operations.keys() & set(METHODS)
        for tag in operations[method].get("tags", ())
    }
    described = [{"name": name, "description": text} for name, text in TAGS.items() if name in used]
    document["tags"] = [*described, *({"name": name} for name in sorted(used - TAGS.keys()))]


def document_etags(operation: dict[str, Any], schemas: dict[str, Any]) -> None:
    """Add the ETag header to responses with a single versioned object."""
    for answer in operation["responses"].values():
        schema = answer.get("content", {}).get("application/json", {}).get("schema", {})
        shown = schemas.get(schema.get("$ref", "").rpartition("/")[2], {})
        if "version" in shown.get("properties", ()):
            answer.setdefault("headers", {})["ETag"] = {"$ref": "#/components/headers/ETag"}


def document_conditional_get(path: str, operation: dict[str, Any]) -> None:
    """Add If-None-Match and 304 as the view answers them, and the ETag of a list."""
    handler: Any = find_route(path).func
    action = getattr(handler, "actions", {}).get("get", "get")
    is_list = action == LIST_ACTION and getattr(handler.cls, "has_list_etag", False)
    is_row = action in CONDITIONAL_ACTIONS and getattr(handler.cls, "has_conditional_get", False)
    if not (is_list or is_row):
        return
    parameter = {"$ref": "#/components/parameters/IfNoneMatch"}
    operation.setdefault("parameters", []).append(parameter)
    operation["responses"]["304"] = NOT_MODIFIED
    if path == SNAPSHOT_PATH or is_list:
        name = "SnapshotETag" if path == SNAPSHOT_PATH else "ListETag"
        tag = {"$ref": f"#/components/headers/{name}"}
        operation["responses"]["200"].setdefault("headers", {})["ETag"] = tag


def needs_version(path: str, method: str) -> bool:
    return method in {"patch", "put"} and path != UNVERSIONED_PATH


def reads_version(path: str, method: str) -> bool:
    """Return whether the operation reads If-Match."""
    changes_object = (
        method in WRITE_METHODS and ROW_IN_PATH in path and path not in UNVERSIONED_PATHS
    )
    return changes_object or needs_version(path, method)


def accepts_idempotency_key(path: str, method: str, operation: dict[str, Any]) -> bool:
    """Return whether the operation accepts an Idempotency-Key, which belongs to a user.

    Without a user only sign-up accepts one, for the new tenant.
    """
    return method == "post" and (bool(operation.get("security")) or path == SIGN_UP)


def document_idempotency_key(operation: dict[str, Any]) -> None:
    reference = {"$ref": "#/components/parameters/IdempotencyKey"}
    operation.setdefault("parameters", []).append(reference)
    for answer in operation["responses"].values():
        replayed = {"$ref": "#/components/headers/IdempotentReplayed"}
        answer.setdefault("headers", {})["Idempotent-Replayed"] = replayed


def build_response(meaning: str) -> dict[str, Any]:
    return {
        "description": meaning,
        "content": {
            "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}
        },
    }


def list_problem_statuses(path: str, method: str, operation: dict[str, Any]) -> list[str]:
    """Return the error statuses that the operation may have."""
    has_body = "requestBody" in operation
    has_pdf = "application/pdf" in operation["responses"].get("200", {}).get("content", {})
    conditional = {
        "404": "{" in path or path in PATHS_WITH_ROW_IN_QUERY,
        "409": method in WRITE_METHODS or has_pdf or path in READS_WITH_CONFLICT,
        "410": path in PATHS_WITH_POSITION,
        "412": reads_version(path, method),
        "413": has_body,
        "415": has_body,
        "422": accepts_idempotency_key(path, method, operation),
        "428": needs_version(path, method),
        "501": has_pdf,
    }
    return sorted(
        [*COMMON_STATUSES, *(status for status, applies in conditional.items() if applies)]
    )


SPECTACULAR_SETTINGS: dict[str, Any] = {
    "TITLE": "Till",
    "DESCRIPTION": (
        "Point-of-sale API for many shops. Amounts are decimal strings in the shop's currency, ids "
        "are UUIDs, and times are in UTC (RFC 3339). Log in at `auth/token/` and send the access "
        "token as `Authorization: Bearer`. Errors are problem documents (RFC 9457) with a stable "
        "`code`."
    ),
    "VERSION": __version__,
    "OAS_VERSION": "3.1.0",
    "SERVERS": [{"url": "/", "description": "The installation that serves this document."}],
    "SCHEMA_PATH_PREFIX": r"/api/v1/",
    "COMPONENT_SPLIT_REQUEST": True,
    # Names of enums, where drf-spectacular finds no unique ones.
    "ENUM_NAME_OVERRIDES": {
        "DiscountTypeEnum": ["percent", "amount"],
        "BarcodeRuleKindEnum": "orders.models.BarcodeRule.Kind",
        "CardEntryEnum": "orders.models.Payment.Entry",
        "CardEntryInputEnum": ["external"],
        "MovementInputTypeEnum": ["receive", "adjust", "count", "transfer_out", "waste"],
        "WasteReasonEnum": "orders.models.StockMovement.WasteReason",
        "WasteReasonInputEnum": ["expired", "damaged", "missing", "own_use", "sample", "other"],
        "LogInMethodEnum": "accounts.models.AuthSession.Method",
        "PaymentMethodEnum": "orders.models.Payment.Method",
        "PaymentProviderKindEnum": "orders.models.PaymentProvider.Kind",
        "OrderStatusEnum": "orders.models.Order.Status",
        "PaymentStatusEnum": "orders.models.Payment.Status",
        "RefundMethodEnum": "accounts.models.RefundMethod",
    },
    "SERVE_INCLUDE_SCHEMA": False,
    "SERVE_PERMISSIONS": ["rest_framework.permissions.AllowAny"],
    "SERVE_AUTHENTICATION": [],
    "SWAGGER_UI_DIST": "SIDECAR",
    "SWAGGER_UI_FAVICON_HREF": "SIDECAR",
    "SWAGGER_UI_SETTINGS": {
        "deepLinking": True,
        "displayRequestDuration": True,
        "docExpansion": "none",
        "defaultModelsExpandDepth": 0,
        "filter": True,
    },
    "POSTPROCESSING_HOOKS": [
        "drf_spectacular.hooks.postprocess_schema_enums",
        "config.openapi.document_problems",
    ],
}
