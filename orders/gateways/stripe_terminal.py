"""Stripe Terminal, driven by the server: a PaymentIntent is created and sent to a card reader.

The status of the PaymentIntent is the outcome; what the reader says only explains it. Stripe
remembers idempotency keys for a day and repeats failures too, so that a step is repeated with the
same key until its answer is definite.
"""

import importlib
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Any

import structlog
from django.conf import settings

from orders.gateways import Answer, Charge, GatewayRefund, Outcome
from orders.gateways.stripe_amounts import to_minor_units

log = structlog.get_logger("till.payments")
SIGNATURE_TOLERANCE = 300
MIN_TIMEOUT = 0.5
# The reader may have received the request although it was answered with one of these codes.
UNCERTAIN_CODES = frozenset(
    {
        "terminal_reader_timeout",
        "terminal_reader_busy",
        "terminal_reader_offline",
        "intent_invalid_state",
        "payment_intent_unexpected_state",
    }
)
# Another attempt is worthwhile: the reader was reached too late.
WORTH_REPEATING = "terminal_reader_timeout"
MAX_PROCESS_ATTEMPTS = 2
# Answers after which it is unknown whether Stripe has acted: too many requests, a request with the
# same key that still runs, and errors of Stripe itself.
UNCERTAIN_STATUSES = frozenset({409, 429})
SERVER_ERROR = 500
MAX_REASON = 100
INTERAC = "interac_present"
REFUND_OUTCOMES = {
    "succeeded": Outcome.CAPTURED,
    "pending": Outcome.PENDING,
    "requires_action": Outcome.PENDING,
    "failed": Outcome.DECLINED,
    "canceled": Outcome.DECLINED,
}


class Unreachable(Exception):
    """Stripe did not answer, or its answer leaves open whether it has acted."""


class Refused(Exception):
    """Stripe has refused a request."""

    def __init__(self, error: Any) -> None:
        self.code: str = error.code or ""
        self.reason: str = (error.user_message or str(error))[:MAX_REASON]
        super().__init__(self.reason)


class StripeTerminal:
    """The gateway of one Stripe account. An instance answers one question."""

    def __init__(self, secret_key: str) -> None:
        self.secret_key = secret_key
        self.deadline = 0.0

    # --- charges ------------------------------------------------------------------------------

    def charge(self, charge: Charge, *, timeout: float) -> Answer:
        """Create the intent, or send the one with `charge.reference` to the reader."""
        if charge.reference:
            return self._answer(self._process, charge, timeout)
        return self._answer(self._create, charge, timeout, if_refused=Outcome.DECLINED)

    def look_up(self, charge: Charge, *, timeout: float) -> Answer:
        """Return the outcome. An intent that no reader processes is canceled: it comes too late."""
        return self._answer(self._find_outcome, charge, timeout)

    def cancel(self, charge: Charge, *, timeout: float) -> Answer:
        return self._answer(self._cancel, charge, timeout)

    def _create(self, charge: Charge) -> Answer:
        intent = self._call(
            lambda: self._v1.payment_intents.create(
                {
                    "amount": to_minor_units(charge.amount, charge.currency),
                    "currency": charge.currency.lower(),
                    "payment_method_types": list_card_types(charge.currency),
                    "capture_method": "automatic",
                    "metadata": {"payment": str(charge.key)},
                },
                {"idempotency_key": f"{charge.key}:create"},
            ),
            is_repeatable=True,
        )
        return Answer(Outcome.PENDING, reference=intent.id, is_prepared=True)

    def _process(self, charge: Charge) -> Answer:
        for attempt in range(1, MAX_PROCESS_ATTEMPTS + 1):
            try:
                self._send_to_reader(charge, attempt)
            except Refused as refusal:
                answer = self._find_open_outcome(charge)
                if answer is not None:
                    return answer
                if refusal.code != WORTH_REPEATING or attempt == MAX_PROCESS_ATTEMPTS:
                    return self._cancel_intent(charge, refusal.reason)
            else:
                return Answer(Outcome.PENDING, reference=charge.reference)
        raise AssertionError("the last attempt has an answer")

    def _send_to_reader(self, charge: Charge, attempt: int) -> None:
        self._call(
            lambda: self._v1.terminal.readers.process_payment_intent(
                charge.reader,
                {
                    "payment_intent": charge.reference,
                    "process_config": {"skip_tipping": True},
                },
                {"idempotency_key": f"{charge.key}:process:{attempt}"},
            ),
            is_repeatable=True,
        )

    def _find_outcome(self, charge: Charge) -> Answer:
        try:
            charge = self._with_reference(charge)
        except Refused as refusal:
            return Answer(Outcome.DECLINED, reason=refusal.reason)
        if charge.is_returned:
            return self._find_return(charge)
        return self._find_open_outcome(charge) or self._cancel_intent(
            charge, "The card reader did not process the payment."
        )

    def _find_open_outcome(self, charge: Charge) -> Answer | None:
        """Return the outcome, or None if no reader is processing the intent any more."""
        intent = self._retrieve_intent(charge)
        answer = describe_intent(intent)
        if answer is not None:
            return answer
        action = self._find_action(charge.reader, "process_payment_intent", intent.id)
        if action is not None and action.status == "in_progress":
            # The reader may ask for another card or the PIN after an error.
            return Answer(Outcome.PENDING, reference=intent.id)
        if action is not None and action.status == "failed":
            return self._cancel_intent(charge, describe_failure(action, intent))
        if intent.last_payment_error is not None:
            return self._cancel_intent(charge, describe_failure(action, intent))
        if action is not None:
            # Also one that succeeded: the status of the intent follows in a moment.
            return Answer(Outcome.PENDING, reference=intent.id)
        return None

    def _cancel(self, charge: Charge) -> Answer:
        try:
            charge = self._with_reference(charge)
        except Refused as refusal:
            return Answer(Outcome.DECLINED, reason=refusal.reason)
        if charge.is_returned:
            return self._return(charge)
        action = self._find_action(charge.reader, "process_payment_intent", charge.reference)
        if action is not None and action.status == "in_progress":
            try:
                self._call(lambda: self._v1.terminal.readers.cancel_action(charge.reader))
            except Refused as refusal:
                # While the card is processed, the reader cannot be stopped.
                found = describe_intent(self._retrieve_intent(charge))
                waiting = Answer(Outcome.PENDING, reference=charge.reference, reason=refusal.reason)
                return found or waiting
        return self._cancel_intent(charge, "Canceled.")

    def _cancel_intent(self, charge: Charge, reason: str) -> Answer:
        """Cancel the intent. Only the status `canceled` says that the card is not charged."""
        try:
            intent = self._call(lambda: self._v1.payment_intents.cancel(charge.reference))
        except Refused:
            intent = self._retrieve_intent(charge)
        if intent.status == "canceled":
            return Answer(Outcome.DECLINED, reference=intent.id, reason=reason[:MAX_REASON])
        return describe_intent(intent) or Answer(Outcome.PENDING, reference=intent.id)

    def _return(self, charge: Charge) -> Answer:
        """Pay a captured charge back: DECLINED once it is paid back, as nothing is left of it."""
        try:
            self._call(
                lambda: self._v1.refunds.create(
                    {"payment_intent": charge.reference},
                    {"idempotency_key": f"{charge.key}:return"},
                ),
                is_repeatable=True,
            )
        except Refused as refusal:
            found = self._find_return(charge)
            is_kept = found.outcome == Outcome.CAPTURED
            return Answer(found.outcome, found.reference, refusal.reason) if is_kept else found
        return Answer(Outcome.DECLINED, reference=charge.reference, reason="Returned.")

    def _find_return(self, charge: Charge) -> Answer:
        intent = self._retrieve_intent(charge, expand=["latest_charge"])
        charged = intent.latest_charge
        if intent.status == "succeeded" and charged.refunded:
            return Answer(Outcome.DECLINED, reference=intent.id, reason="Returned.")
        return describe_intent(intent) or self._cancel_intent(charge, "Canceled.")

    def _with_reference(self, charge: Charge) -> Charge:
        """Return the charge with the id of its intent.

        If a crash lost the id, the same key returns the intent, or creates one. Neither was sent
        to a reader. Raises Refused if there is none.
        """
        if charge.reference:
            return charge
        return charge.with_reference(self._create(charge).reference)

    def _retrieve_intent(self, charge: Charge, expand: list[str] | None = None) -> Any:
        options: Any = {"expand": expand} if expand else {}
        return self._call(
            lambda: self._v1.payment_intents.retrieve(charge.reference, options),
            is_repeatable=True,
        )

    def _find_action(self, reader_id: str, kind: str, intent_id: str) -> Any:
        """Return the action of the reader if it concerns this intent, otherwise None."""
        reader = self._call(
            lambda: self._v1.terminal.readers.retrieve(reader_id), is_repeatable=True
        )
        action = reader.action
        if action is None or action.type != kind:
            return None
        return action if getattr(action, kind).payment_intent == intent_id else None

    # --- refunds ------------------------------------------------------------------------------

    def refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        return self._answer(self._refund, back, timeout, if_refused=Outcome.DECLINED)

    def look_up_refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        return self._answer(self._find_refund, back, timeout)

    def _refund(self, back: GatewayRefund) -> Answer:
        request: Any = {
            "payment_intent": back.charge_reference,
            "amount": to_minor_units(back.amount, back.currency),
            "metadata": {"payout": str(back.key)},
        }
        options: Any = {"idempotency_key": f"{back.key}:refund"}
        if back.is_at_reader and self._needs_card(back):
            return self._refund_at_reader(back, request, options)
        refund = self._call(lambda: self._v1.refunds.create(request, options), is_repeatable=True)
        return describe_refund(refund)

    def needs_card_for_refund(self, charge: Charge, *, timeout: float) -> bool:
        """Return whether the card is an Interac card, or Stripe does not say so in time."""
        self.deadline = time.monotonic() + timeout
        try:
            return self._is_interac(charge.currency, charge.reference)
        except (Unreachable, Refused) as error:
            log.warning("stripe_card_unknown", key=str(charge.key), error=type(error).__name__)
            return True

    def cancel_refund(self, back: GatewayRefund, *, timeout: float) -> Answer:
        return self._answer(self._cancel_refund, back, timeout)

    def _cancel_refund(self, back: GatewayRefund) -> Answer:
        found = self._find_refund(back)
        if found.outcome != Outcome.PENDING or found.reference:
            return found
        try:
            self._call(lambda: self._v1.terminal.readers.cancel_action(back.reader))
        except Refused:
            return found  # the card is being processed
        return self._find_refund(back)

    def _needs_card(self, back: GatewayRefund) -> bool:
        """Return whether the card must be presented again, which only Interac cards need."""
        return self._is_interac(back.currency, back.charge_reference)

    def _is_interac(self, currency: str, intent_id: str) -> bool:
        if currency != "CAD":
            return False
        intent = self._call(
            lambda: self._v1.payment_intents.retrieve(intent_id, {"expand": ["latest_charge"]}),
            is_repeatable=True,
        )
        charge = intent.latest_charge
        return charge is not None and charge.payment_method_details.type == INTERAC

    def _refund_at_reader(self, back: GatewayRefund, request: Any, options: Any) -> Answer:
        try:
            self._call(
                lambda: self._v1.terminal.readers.refund_payment(back.reader, request, options),
                is_repeatable=True,
            )
        except Refused as refusal:
            if refusal.code not in UNCERTAIN_CODES:
                raise
            return self._find_refund_after(refusal, back)
        return Answer(Outcome.PENDING)

    def _find_refund_after(self, refusal: Refused, back: GatewayRefund) -> Answer:
        try:
            found = self._find_refund(back)
        except Refused as error:
            raise Unreachable from error
        is_lost = found.outcome == Outcome.DECLINED
        return Answer(Outcome.DECLINED, reason=refusal.reason) if is_lost else found

    def _find_refund(self, back: GatewayRefund) -> Answer:
        if back.reference:
            return describe_refund(
                self._call(lambda: self._v1.refunds.retrieve(back.reference), is_repeatable=True)
            )
        page = self._call(
            lambda: self._v1.refunds.list({"payment_intent": back.charge_reference, "limit": 100}),
            is_repeatable=True,
        )
        for refund in page.data:
            if read_metadata(refund).get("payout") == str(back.key):
                return describe_refund(refund)
        action = self._needs_card(back) and self._find_action(
            back.reader, "refund_payment", back.charge_reference
        )
        if action and action.status == "in_progress":
            return Answer(Outcome.PENDING)
        reason = (action and action.failure_message) or "Stripe has made no such refund."
        return Answer(Outcome.DECLINED, reason=reason[:MAX_REASON])

    # --- readers ------------------------------------------------------------------------------

    def register_reader(self, code: str, location: str, name: str) -> str:
        """Register a reader by the code on its screen and return its id. Raises Refused."""
        self.deadline = time.monotonic() + settings.PAYMENT_GATEWAY_TIMEOUT
        reader = self._call(
            lambda: self._v1.terminal.readers.create(
                {"registration_code": code, "location": location, "label": name}
            )
        )
        return str(reader.id)

    # --- requests -----------------------------------------------------------------------------

    def _answer(
        self,
        ask: Callable[[Any], Answer],
        about: Any,
        timeout: float,
        *,
        if_refused: Outcome = Outcome.UNKNOWN,
    ) -> Answer:
        """Return the answer to a question; all its requests together end with the timeout."""
        self.deadline = time.monotonic() + timeout
        key = str(about.key)
        try:
            return ask(about)
        except Unreachable as error:
            log.warning("stripe_unreachable", key=key, error=type(error.__cause__).__name__)
            return Answer(Outcome.UNKNOWN, reason="Stripe did not answer in time.")
        except Refused as refusal:
            log.warning("stripe_refused", key=key, code=refusal.code)
            return Answer(if_refused, reason=refusal.reason)

    def _call(self, request: Callable[[], Any], *, is_repeatable: bool = False) -> Any:
        """Send a request, once more after a network error if that is safe.

        Raises Unreachable and Refused.
        """
        stripe = load_stripe()
        for is_last in (not is_repeatable, True):
            try:
                return request()
            except stripe.APIConnectionError as error:
                if is_last:
                    raise Unreachable from error
            except stripe.StripeError as error:
                status = error.http_status
                if status is None or status >= SERVER_ERROR or status in UNCERTAIN_STATUSES:
                    raise Unreachable from error
                raise Refused(error) from error
        raise AssertionError("the last attempt returns or raises")

    @property
    def _v1(self) -> Any:
        """Return the client for one request, which ends with the deadline."""
        left = max(self.deadline - time.monotonic(), MIN_TIMEOUT)
        stripe = load_stripe()
        return stripe.StripeClient(
            self.secret_key,
            http_client=stripe.RequestsClient(timeout=left),
            max_network_retries=0,
            base_addresses={"api": settings.STRIPE_API_BASE},
        ).v1


@cache
def load_stripe() -> Any:
    """Import the library on first use, because it takes memory and most shops do not need it."""
    stripe: Any = importlib.import_module("stripe")
    stripe.enable_telemetry = False
    return stripe


def verify_signature(body: bytes, header: str, secrets: list[str]) -> bool:
    """Return whether an event was signed with one of the secrets, not long ago."""
    stripe = load_stripe()
    if not header.isascii():  # the library cannot compare it
        return False
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, header, secret, SIGNATURE_TOLERANCE)
        except (stripe.SignatureVerificationError, UnicodeDecodeError):
            continue
        return True
    return False


def list_card_types(currency: str) -> list[str]:
    return ["card_present", INTERAC] if currency == "CAD" else ["card_present"]


def describe_intent(intent: Any) -> Answer | None:
    """Return the outcome of an intent; None if it waits for a card."""
    if intent.status == "succeeded":
        return Answer(Outcome.CAPTURED, reference=intent.id)
    if intent.status == "canceled":
        return Answer(Outcome.DECLINED, reference=intent.id, reason="Canceled.")
    if intent.status == "requires_payment_method":
        return None
    return Answer(Outcome.PENDING, reference=intent.id)


def describe_failure(action: Any, intent: Any) -> str:
    error = intent.last_payment_error
    message = (action and action.failure_message) or (error and error.message)
    return str(message or "The card was declined.")[:MAX_REASON]


def describe_refund(refund: Any) -> Answer:
    outcome = REFUND_OUTCOMES.get(refund.status, Outcome.UNKNOWN)
    reason = getattr(refund, "failure_reason", None) or ""
    return Answer(outcome, reference=refund.id, reason=str(reason)[:MAX_REASON])


@dataclass(frozen=True, slots=True)
class EventSubject:
    """What an event is about: an intent by Stripe's id, and a payout by its id."""

    intent: str = ""
    payout: uuid.UUID | None = None


def find_subject(event: dict[str, Any]) -> EventSubject:
    """Return what an event is about. Refunds that were made at Stripe name an intent only."""
    subject = as_object(as_object(event.get("data")).get("object"))
    kind = subject.get("object")
    if kind == "payment_intent":
        return EventSubject(as_text(subject.get("id")))
    if kind == "terminal.reader":
        action = as_object(subject.get("action"))
        subject = as_object(action.get(str(action.get("type"))))
    elif kind not in {"refund", "charge"}:
        return EventSubject()
    payout = read_uuid(as_object(subject.get("metadata")).get("payout"))
    return EventSubject(as_text(subject.get("payment_intent")), payout)


def as_text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def as_object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}


def read_metadata(refund: Any) -> dict[str, Any]:
    return refund.metadata.to_dict() if refund.metadata else {}


def read_uuid(text: Any) -> uuid.UUID | None:
    try:
        return uuid.UUID(text)
    except (ValueError, TypeError, AttributeError):
        return None
