"""Build docs/errors.md: every error code with its status, its meaning and its remedy.

Codes, statuses and texts come from the exception classes and from the exception handler of the
API, remedies from the tables below. `python -m tests.tools.error_reference` writes the page.
"""

import json
import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from string import Formatter
from typing import Any

from django.conf import settings
from django.core import exceptions as django_exceptions
from django.db import OperationalError
from django.http import Http404
from django.urls import get_resolver
from django.utils.module_loading import import_string
from rest_framework import exceptions as rest

from tenants.api.parsers import UnsupportedEncoding
from tenants.exceptions import DomainError
from tests.support.discovery import OURS, ROOT

PAGE = ROOT / "docs" / "errors.md"

# Base classes that are never raised themselves.
ABSTRACT = {"refused", "too_large", "too_many_requests", "not_here"}

DUPLICATE = django_exceptions.ValidationError("", "unique", {"unique_check": ["name"]})

# Exceptions of Django and the REST framework that the API answers.
FRAMEWORK: list[Exception] = [
    Http404(),
    OperationalError(),
    UnsupportedEncoding(),
    django_exceptions.BadRequest(),
    django_exceptions.RequestDataTooBig(),
    django_exceptions.ValidationError(
        {"name": django_exceptions.ValidationError("", "unique", {"unique_check": ["name"]})}
    ),
    rest.MethodNotAllowed("PUT"),
    rest.NotAcceptable(),
    rest.ParseError(),
    rest.Throttled(1),
    rest.UnsupportedMediaType("text/plain"),
    rest.ValidationError({}),
]


@dataclass(frozen=True, slots=True, order=True)
class Error:
    status: int
    code: str
    meaning: str


# Bodies that cannot be read.
BODIES = [
    Error(400, "duplicate_key", "A key occurs more than once in an object."),
    Error(400, "lone_surrogate", "The text contains half of a surrogate pair."),
    Error(400, "malformed_encoding", "The body is not valid UTF-8."),
    Error(400, "malformed_form", "The body is not a valid form."),
    Error(400, "malformed_json", "The body is not valid JSON; `detail` names line and column."),
    Error(400, "nul_character", "The body contains a NUL character."),
    Error(400, "number_out_of_range", "A number has too many digits."),
    Error(400, "too_deep", "The body is nested too deeply."),
    Error(400, "unsupported_charset", "The charset of the body is not UTF-8."),
]

# Errors that are returned without an exception of a view.
WITHOUT_EXCEPTION = [
    Error(411, "length_required", "The body has no `Content-Length`."),
    Error(500, "internal_error", "Something went wrong on the server."),
    Error(503, "not_ready", "`/health/ready/`: the database is unavailable or not migrated."),
]

REMEDIES = {
    "above_own_limit": "Let a user with a higher limit approve.",
    "above_refund_limit": "Let a user with a higher limit issue the store credit.",
    "already_authenticated": "Send the request without a token.",
    "already_exists": "Choose another value for the fields in `errors`.",
    "amount_too_large": "Split the order.",
    "approval_not_pending": "Ask for a new approval.",
    "approval_not_valid": "Ask for a new approval, for this order, action, amount and terminal.",
    "approval_required": "Ask for the approval that the answer describes, and send `approval`.",
    "bad_request": "Check the syntax of the request.",
    "barcode_taken": "Use another barcode, or remove it from the other product first.",
    "batch_too_large": "Send the batch in parts of at most `max_lines` lines.",
    "bookkeeping_accounts_missing": "Enter the accounts in `missing` in the bookkeeping profile.",
    "bookkeeping_profile_missing": "Add a bookkeeping profile for the store.",
    "body_too_large": "Send at most `max_bytes` bytes.",
    "busy": "Send the request again after `Retry-After` seconds.",
    "card_not_ours": "Refund at the reader that charged the card, or name one of `methods`.",
    "catalog_changed": "Import the file again.",
    "changes_gone": "Load all data again, then read on from the new position.",
    "count_beyond_tolerance": "Count again, or let a user with a higher limit close the shift.",
    "currency_changed": "Read the prices again, then repeat the request.",
    "currency_fixed": "Open another shop for another currency.",
    "delivery_not_dead": "Wait: the delivery is still being tried, or has arrived.",
    "duplicate_key": "Send each key once.",
    "drawer_short": "Check the amount. Upload offline sales of this register first.",
    "email_taken": "Use another e-mail address.",
    "id_conflict": "Use a new id.",
    "id_reused": "Use a new id for a new sale.",
    "not_in_euro": "Use `format=zip`.",
    "several_taxes_per_line": "Use `format=zip`.",
    "not_for_service_keys": "Send it as a user: see [the guide](guide/service_keys.md).",
    "sale_not_booked": "Keep the sale, and inform the operator: the log of the server has the "
    "cause. Upload it again after the correction.",
    "idempotency_key_invalid": "Send a key of 1 to 255 visible ASCII characters.",
    "idempotency_key_required": "Send a header `Idempotency-Key`, or an `id`.",
    "idempotency_key_reused": "Use a new key for a new request.",
    "if_match_required": "Send `If-Match` with the version that was read, or `*`.",
    "expired": "Remove the product, or request the approval that the error describes.",
    "illegal_transition": "Read the order again; its status does not allow this.",
    "insufficient_stock": "Reduce the quantities in `short`, or correct the stock.",
    "insufficient_store_credit": "Pay the rest by another method.",
    "insufficient_user_authentication": "Enter the password again: `POST auth/reauth/`.",
    "internal_error": "Report the `request_id` to the operator of the installation.",
    "invalid": "Correct the fields in `errors`.",
    "invalid_credentials": "Check shop, username and password, and whether the account is active.",
    "invalid_cursor": "Follow `next` of a page as it is, or start with the first page.",
    "invalid_signature": "Check the webhook secret of the provider.",
    "invalid_rows": "Correct the rows in `errors` and import the file again.",
    "last_admin": "Make another user an admin first.",
    "length_required": "Send `Content-Length`.",
    "lone_surrogate": "Send valid Unicode text.",
    "malformed_encoding": "Send UTF-8.",
    "malformed_form": "Send `application/x-www-form-urlencoded` in UTF-8.",
    "malformed_json": "Send valid JSON.",
    "managers_only": "Log in as a manager or admin. Cashiers use a terminal.",
    "method_not_allowed": "Use a method that the API documentation lists for this path.",
    "no_card_reader": "Activate a reader. Meanwhile use a stand-alone one (`entry: external`), or "
    "refund with another `method`.",
    "no_current_shift": "Open a shift; `suggested_float` is the last count.",
    "no_open_shift": "Open a shift at the register: `POST shifts/`.",
    "fiscal_texts_written": "Nothing: the first texts stay. Check which service wrote them.",
    "receipt_printed": "Write the texts before the first print or mail; a copy cannot add them.",
    "receipt_profile_changed": "Load the current version, then enter the change again.",
    "no_receipt": "Complete the order or the refund first.",
    "not_acceptable": "Ask for a format that the API documentation lists.",
    "not_authenticated": "Log in and send the access token.",
    "not_found": "Check the id, and whether it belongs to this shop and an assigned store.",
    "not_payable_in_cash": "Pay `payable`, or a part in whole coins.",
    "not_ready": "Start the database and run `migrate`.",
    "nothing_left_to_refund": "Nothing: everything was refunded, or is returned goods.",
    "nul_character": "Remove the character.",
    "number_out_of_range": "Send a shorter number.",
    "order_being_paid": "Wait for the payment, or resolve it: `POST payments/{id}/resolve/`.",
    "order_empty": "Add a line first.",
    "order_is_paid": "Cancel its payments before this change: `POST payments/{id}/cancel/`.",
    "stock_exists": "Correct the stock of the product in this store instead.",
    "stock_count_not_open": "Start another stock count.",
    "stock_transfer_not_in_state": "Read the transfer again: only one with another status allows "
    "this.",
    "stock_transfer_empty": "Add products with `lines/` before sending.",
    "order_not_open": "Read the order again; only open orders can be changed.",
    "order_still_due": "Pay what is due.",
    "other_register": "Sell at the register of this log-in, or log in at the other one.",
    "own_request": "Let another user decide.",
    "paid_more_than_total": "Cancel a payment first.",
    "parse_error": "Send valid JSON.",
    "password_change_required": "Set a new password: `PUT auth/password/`.",
    "password_required": "Enter the password: `POST auth/reauth/`.",
    "payment_exceeds_due": "Pay at most `due`.",
    "payment_settled": "Load the order: the outcome of this payment is known.",
    "payment_underway": "Wait some seconds and ask again.",
    "payments_unclear": "Resolve the payments and refunds that are named, then close the shift.",
    "payout_declined": "Resolve the refund with another `method`.",
    "pdf_unavailable": "Use another format, or install the libraries on the server.",
    "permission_denied": "Ask a user whose role and stores allow it.",
    "pin_closed": "Log in with the password.",
    "prices_overlap": "End or withdraw the price that `price` names, or choose another period.",
    "reader_busy": "Wait, or cancel what is at the reader: `POST payments/{id}/cancel/` or "
    "`POST refunds/{id}/cancel/`.",
    "provider_unavailable": "Repeat the request in a moment.",
    "reader_at_other_register": "Deactivate the reader there first.",
    "register_has_reader": "Deactivate the reader of this register first.",
    "refund_exceeds_paid": "Refund at most `left`.",
    "refund_not_at_reader": "Wait, or look up the outcome: `POST refunds/{id}/resolve/`.",
    "refund_settled": "Nothing: the outcome of this refund is known.",
    "refund_underway": "Wait some seconds and ask again.",
    "register_closed": "Activate the register and its store, or use another one.",
    "request_in_progress": "Wait some seconds and send the same request again.",
    "scope_missing": "Create a key with the scope `scope`, and revoke this one.",
    "sequence_jump": "Send the batch without `last_sequence`; a manager sets the number.",
    "shift_already_open": "Use the open shift, or end it first.",
    "shift_not_in_state": "Read the shift again: only a shift in another status allows this.",
    "signup_disabled": "Ask the operator of the installation to open the shop.",
    "options_taken": "Use other options, or change the other variant.",
    "plu_taken": "Use another PLU, or remove it from the other product.",
    "sku_taken": "Use another SKU.",
    "slug_taken": "Use another name.",
    "customer_erased": "Remove the customer from the order, or add the person again.",
    "store_credit_blocked": "Ask a manager to unblock it, or pay by another method.",
    "store_credit_code_taken": "Use another code.",
    "tenant_mismatch": "Name the same shop everywhere, or name it once.",
    "tenant_required": "Send `tenant` in the body, or `X-Tenant-ID`.",
    "pairing_code_invalid": "Make a new pairing code for the register and enter it within ten "
    "minutes.",
    "terminal_not_paired": "Pair the device with a register and send `X-Terminal-Token`.",
    "throttled": "Send the request again after `Retry-After` seconds.",
    "token_not_valid": "Refresh the token, or log in again.",
    "too_deep": "Nest the fields as the API documentation shows.",
    "too_many_attempts": "Try again after `Retry-After` seconds.",
    "too_many_lines": "Start another order.",
    "deposit_line": "Change or remove the line that `deposit_for` names.",
    "due_to_customer": "Pay it out: one payment with a negative `amount`.",
    "too_many_webhooks": "Delete a webhook first.",
    "unavailable": "Send the same request again after `Retry-After` seconds.",
    "unknown_filter": "Use the query parameters that the API documentation lists.",
    "unsupported_charset": "Send UTF-8.",
    "unsupported_content_encoding": "Send the body without compression.",
    "unsupported_media_type": "Send `Content-Type: application/json`.",
    "username_taken": "Use another username.",
    "version_conflict": "Read the row again, then repeat the change.",
    "webhook_off": "Switch the webhook on first.",
}

# Codes of single fields, in `errors` of `invalid` and `invalid_rows`.
FIELDS = {
    "account_shared": "The account of cash or of clearing is used for something else.",
    "ambiguous_number": "The separator in the number may be one of decimals or of thousands.",
    "animated_image": "The image has several pictures.",
    "barcode_taken": "Another product has the barcode.",
    "blank": "The text is empty.",
    "comma_in_barcode": "A comma in barcodes that are not all GTINs.",
    "date": "Not a date.",
    "date_in_code": "A spreadsheet has turned the code into a date.",
    "datetime": "Not a time; send ISO 8601 with a time zone.",
    "digits_lost": "A spreadsheet has shortened the code. Format the column as text.",
    "does_not_exist": "There is no such object in this shop.",
    "duplicate": "The value occurs more than once.",
    "duplicate_column": "The column occurs more than once in the file.",
    "duplicate_key": "The key occurs more than once in the object.",
    "empty": "The list is empty.",
    "end_before_start": "The period ends before it starts.",
    "fixed_by_label": "The scanned label fixes the quantity, the price and the modifiers.",
    "formula_in_code": "The cell has a formula instead of a code. Enter the code.",
    "has_deposit": "The chosen deposit has a deposit itself.",
    "has_modifiers": "A returnable product cannot have modifiers.",
    "has_stock": "A product with stock cannot get its first variant. Count its stock as zero.",
    "has_variants": "The product has variants, which are sold and stocked instead of it.",
    "image_too_large": "The image has more than 1 MiB.",
    "in_the_future": "The time is in the future.",
    "invalid": "The value has the wrong form; `detail` says which form is expected.",
    "invalid_account": "Not the number of an account, or longer than the accounts of the profile.",
    "invalid_choice": "Not one of the allowed values.",
    "invalid_image": "Not an image in PNG, JPEG or WebP format, or a damaged one.",
    "invalid_pattern": "The pattern of a barcode rule is malformed.",
    "is_deposit": "The product is the deposit of others.",
    "is_modifier": "Modifiers take the product from stock. Choose another product for them.",
    "is_returnable": "The chosen deposit is a returnable product.",
    "is_variant": "The chosen parent is a variant itself.",
    "less_than_min": "The `max` of a modifier list is less than its `min`.",
    "malformed_csv": "Not a valid CSV file.",
    "malformed_encoding": "The text is not in the expected encoding.",
    "malformed_options": "Write options as in: Size: M | Color: Red.",
    "malformed_workbook": "Not a readable .xlsx workbook.",
    "max": "Too large, or too many.",
    "max_decimal_places": "Too many decimal places.",
    "max_digits": "Too many digits.",
    "max_length": "Too long.",
    "max_value": "Too large.",
    "min_length": "Too short.",
    "min_value": "Too small.",
    "mismatch": "Two values that belong together differ.",
    "name_differs": "Enter the name exactly as it is.",
    "no_digits": "The text must contain a digit.",
    "no_parent": "Only variants have options.",
    "no_price": "The price on the scanned label is zero.",
    "no_stock": "A warning: the file has no stock. New products are sold without tracking it.",
    "no_tax_class": "A warning: new products get no taxes.",
    "no_weight": "The weight on the scanned label is zero.",
    "none_active": "No modifier of the list is active.",
    "not_a_list": "Not a list.",
    "not_a_number": "Not a number.",
    "not_allowed": "Leave the field out: the simulator does not have it.",
    "not_at_a_terminal": "A PIN can be used only at a paired terminal.",
    "not_by_card": "Not everything was paid by card.",
    "not_by_unit": "Only products sold by the unit can have a deposit.",
    "not_card": "Allowed for card payments only.",
    "not_cash": "Allowed for cash only.",
    "not_chargeable": "Charge another amount, or take the card at a stand-alone reader.",
    "not_digits": "Only digits are allowed, and not only zeros.",
    "not_matching": "The payments do not match the returned goods.",
    "not_negative": "The product is taken back: its quantity is negative.",
    "not_on_sale": "The product or modifier is not active.",
    "not_paid": "Nothing was paid by this method.",
    "not_paid_out": "What is paid out must be one payment in cash.",
    "not_positive": "The number must be greater than zero.",
    "not_returnable": "Only returnable products can have a negative quantity.",
    "not_tendered": "Nothing is tendered for what the shop pays out.",
    "not_tracked": "The stock of this product is not tracked.",
    "not_whole": "The quantity must be a whole number, because the product is sold by the piece.",
    "nul_character": "The text contains a NUL character.",
    "null": "`null` is not allowed.",
    "one_of": "Exactly one of several fields must be given.",
    "only_whole": "A line with the price of a label can only be refunded whole.",
    "other_credit": "The code is not the one that was paid with; name the method `store_credit`.",
    "options_taken": "Another variant of the product has these options.",
    "other_options": "The variants of a product have the same names of options.",
    "other_currency": "The price in the scanned code is in another currency than the shop's.",
    "password_too_common": "The password is a common one.",
    "password_too_long": "The password is too long.",
    "password_too_short": "The password is too short for the role.",
    "password_too_similar": "The password resembles the username or the name of the shop.",
    "password_unchanged": "The new password is the old one.",
    "past": "The time must be in the future.",
    "pin_too_common": "The PIN is easy to guess.",
    "plu_taken": "Another product has the PLU.",
    "price_not_allowed": "Only products sold by weight have prices in GS1 codes.",
    "price_not_fixed": "A returnable product needs a fixed price.",
    "repeated": "The value occurs more than once in the list.",
    "repeated_option": "Each option must have another name.",
    "repeated_parameter": "The query parameter occurs more than once.",
    "required": "The field is missing, or too few modifiers of a required list are chosen.",
    "reserved": "The system uses this name itself, or it looks like an id. Choose another name.",
    "returned": "Returned goods have their own price, and are not refunded.",
    "same_product": "A product cannot be its own deposit or parent.",
    "sold_by_unit": "The modifier takes units from stock, which goods by weight cannot divide.",
    "spreadsheet_error": "The spreadsheet shows an error in the cell, such as #REF!.",
    "store_required": "Choose the store of the stock in the file.",
    "switched_off": "The option is switched off on this server.",
    "tenant_mismatch": "The object belongs to a different shop than the one named in the request.",
    "tendered_too_little": "Less cash was tendered than is paid.",
    "too_few_modifiers": "The list has fewer active modifiers than must be chosen.",
    "too_many_barcodes": "The product has too many barcodes.",
    "too_many_combinations": "The options have more than 200 combinations.",
    "too_many_modifier_lists": "Too many modifier lists.",
    "too_many_options": "A variant has too many options.",
    "too_many_pixels": "The image has more than 16 megapixels.",
    "too_many_rows": "The file has too many rows.",
    "too_many_scans": "The JPEG image has more than 100 scans, which takes too long to decode.",
    "too_much": "More than is left.",
    "too_short": "Enter more of what you search.",
    "unique": "Another row has this value.",
    "unknown_column": "There is no such column; a warning if the file has it.",
    "unknown_currency": "Not an ISO 4217 currency.",
    "unknown_field": "There is no such field.",
    "unknown_filter": "There is no such query parameter.",
    "unknown_modifier_list": "No modifier list has this name.",
    "unknown_store": "A warning: no store has the name in the heading.",
    "unknown_tax_class": "No tax class has this name.",
    "unknown_tax_rate": "No tax class has this rate, or several have it.",
    "unknown_timezone": "Not an IANA time zone.",
    "unsupported_format": "Save the file as .xlsx or CSV.",
    "workbook_too_large": "The workbook is too large to be read safely. Save it as CSV.",
    "wrong_currency": "The price is in another currency than the shop's.",
    "wrong_number_of_cells": "The row has more or fewer cells than the header.",
    "wrong_password": "Not the current password.",
    "wrong_pin": "Not the PIN of this user.",
}

# Results of webhook deliveries, which are not errors of the API.
DELIVERY_RESULTS = {"bad_answer", "connection_failed", "timed_out", "tls_failed"}

HEAD = """# Errors

<!-- Written by `python -m tests.tools.error_reference`. Do not edit. -->

Every error is `application/problem+json` (RFC 9457). `code` is stable and meant for programs,
`detail` is meant for people and may change. `request_id` is also in the log. Names in braces, such
as `{number}`, stand for values, which are members of the answer too.

```json
{"type": "about:blank", "title": "Conflict", "status": 409, "code": "no_open_shift",
 "detail": "...", "request_id": "712bdba375e5d00aa4368187a06a6c5b", "register": "Till 1"}
```

| Status | Code | Meaning | Remedy |
|---|---|---|---|
"""
FIELD_HEAD = """
## Codes of fields

`errors` of an answer lists wrong fields, at most 100. `field` is the path, such as
`lines[0].quantity`; for a file there is also the `row`.

| Code | Meaning |
|---|---|
"""


class Placeholder(str):
    """The name of a value in braces, used in a message instead of the value."""

    def __ceil__(self) -> int:
        return 0


def subclasses(kind: type[DomainError]) -> Iterator[type[DomainError]]:
    for child in kind.__subclasses__():
        yield child
        yield from subclasses(child)


def domain_errors() -> Iterator[Exception]:
    """Yield one instance of each exception class of the application with its own code."""
    get_resolver().url_patterns  # noqa: B018  (imports every view and so every exception)
    for kind in subclasses(DomainError):
        is_ours = kind.__module__.partition(".")[0] in OURS
        if is_ours and "code" in vars(kind) and kind.code not in ABSTRACT:
            names = {name for _, name, _, _ in Formatter().parse(kind.message) if name}
            yield kind(**{name: Placeholder(f"{{{name}}}") for name in names})


def answers(exceptions: Iterable[Exception]) -> Iterator[Error]:
    """Yield the errors that the API returns for these exceptions."""
    handle = import_string(settings.REST_FRAMEWORK["EXCEPTION_HANDLER"])
    for exception in exceptions:
        body = json.loads(handle(exception, {}).content)
        yield Error(body["status"], body["code"], body["detail"])


def errors() -> list[Error]:
    return sorted({*answers(domain_errors()), *answers(FRAMEWORK), *BODIES, *WITHOUT_EXCEPTION})


def field_codes() -> set[str]:
    """Return the literal codes of field errors in the code."""
    literal = re.compile(r'\bcode="([a-z_]+)"|FieldError\([^()]*(?:\[[^]]*\])?, "([a-z_]+)"')
    paths = (path for folder in OURS for path in (ROOT / folder).rglob("*.py"))
    found = (literal.findall(path.read_text("utf-8")) for path in paths)
    return {code for each in found for pair in each for code in pair if code}


def build_page() -> str:
    rows = "".join(
        f"| {each.status} | `{each.code}` | {cell(each.meaning)} | {REMEDIES[each.code]} |\n"
        for each in errors()
    )
    fields = "".join(f"| `{code}` | {meaning} |\n" for code, meaning in sorted(FIELDS.items()))
    return HEAD + rows + FIELD_HEAD + fields


def cell(text: Any) -> str:
    return str(text).replace("|", "\\|").replace("\n", " ")
