"""New orders in two messages: one reads and locks, the other writes and commits.

Loading and writing are done here; what is built in between is `orders.services.sales.draft`, as for
the view. After an error everything is rolled back, and the view handles the request from the start.
"""

import io
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from secrets import token_hex
from typing import Any

import structlog
from django.conf import settings
from django.db import OperationalError
from django.utils import timezone
from rest_framework.exceptions import APIException

from accounts.client_info import find_client_ip
from accounts.models import Approval, AuthSession
from accounts.security.rate_limits.policies import normalize_to_network
from accounts.services.approvals import LOCKED_APPROVAL, collect_facts_of_use
from accounts.services.session_check import (
    CheckedSession,
    VerifiedToken,
    check_session,
    verify_token,
)
from orders.exceptions import UnknownStoreCredit
from orders.fast_entries import session_cache
from orders.fast_entries.session_cache import CachedSession, SessionChanged
from orders.models import Order, Payment, StoreCredit, StoreCreditEntry
from orders.models.receipt import RegisterNumbers, build_lock_statement
from orders.models.stock import build_sell_statement
from orders.serializers.basket import OrderInput, OrderInputWithRegister, build_new_order
from orders.serializers.rendering import render_order
from orders.services.approvals import RequestContext
from orders.services.payments.store_credit import (
    PreparedCredits,
    build_spending,
    count_code_attempt,
)
from orders.services.payments.tender import NewPayment
from orders.services.pricing.applicable_prices import ApplicablePrices, PriceContext
from orders.services.pricing.basket import PreparedProducts, ProductLookup
from orders.services.pricing.modifiers import ModifierLookup, prepare_modifiers
from orders.services.registers import check_register, prepare_register
from orders.services.sales.draft import NewOrder, SaleDraft, build_draft
from orders.services.stock.levels import is_oversale_blocked, sum_tracked_quantities
from tenants import audit
from tenants.api.compiled_input import NotReadable, get_reader
from tenants.api.fast_entry import FastAnswer, FastRequest, render_json
from tenants.api.idempotent_views import HEADER, KEY_FORMAT, make_key
from tenants.api.parsers import read_json
from tenants.database.bulk_insert import Statement, prepare_rows
from tenants.database.postgres import pipeline
from tenants.database.postgres.pipeline import (
    BEGIN,
    COMMIT,
    SCOPE,
    Call,
    PipelineFailed,
    Prepared,
    Result,
)
from tenants.database.prepared_statements import to_call, to_inserts
from tenants.exceptions import DomainError
from tenants.models import AuditEvent, IdempotencyKey, Store
from tenants.scope import tenant_context

JSON_TYPES = frozenset({"application/json", "application/json; charset=utf-8"})
REQUEST_ID = "HTTP_X_REQUEST_ID"
REQUEST_ID_FORMAT = re.compile(r"[A-Za-z0-9._-]{1,64}")
CREATED = "201 Created"
log = structlog.get_logger("till.fast_entry")
SEQUENCE_TAKEN = Prepared(
    "SELECT 1 FROM orders_order "
    "WHERE tenant_id = $1::uuid AND register_id = $2::uuid AND device_sequence = $3::bigint LIMIT 1"
)
# After these exceptions, the view answers the request.
ANSWERED_BY_THE_VIEW = (APIException, DomainError, NotReadable, PipelineFailed, OperationalError)


def create_order(request: FastRequest) -> FastAnswer | None:
    now = timezone.now()
    if request.query or not pipeline.is_available():
        return None
    # Check the token first: a request without one must not make a thread wait for a slow body.
    token = verify_token(request.token)
    body = read_body(request.environ) if token else None
    if token is None or body is None:
        return None
    try:
        cached = session_cache.find(token, now)
        if cached is None:
            return None
        try:
            return Sale(request, body, token, cached, now).answer()
        except SessionChanged as changed:
            # Every log-in writes the row of the user.
            pipeline.rollback()
            cached = session_cache.store(token, changed.checked)
            return Sale(request, body, token, cached, now).answer()
    except ANSWERED_BY_THE_VIEW:
        session_cache.drop(token)
        return None
    finally:
        structlog.contextvars.clear_contextvars()
        pipeline.rollback()


def read_body(environ: dict[str, Any]) -> bytes | None:
    """Return the body, which the view can still read afterwards; None if it is unusual."""
    length = environ.get("CONTENT_LENGTH", "")
    if environ.get("CONTENT_TYPE") not in JSON_TYPES or not re.fullmatch("[0-9]{1,9}", length):
        return None
    if not 0 < int(length) <= settings.API_MAX_BODY_BYTES:
        return None
    body: bytes = environ["wsgi.input"].read(int(length))
    environ["wsgi.input"] = io.BytesIO(body)
    return body if len(body) == int(length) else None


def bind_request(environ: dict[str, Any], session: AuthSession) -> None:
    """Set what audit events contain of the request, as the middleware and authentication do."""
    sent = environ.get(REQUEST_ID, "")
    if REQUEST_ID_FORMAT.fullmatch(sent) is None:
        # Also for the header of the answer.
        environ[REQUEST_ID] = sent = token_hex(16)
    structlog.contextvars.clear_contextvars()
    structlog.contextvars.bind_contextvars(
        request_id=sent, ip=find_client_ip(environ), session=str(session.pk)
    )


@dataclass(frozen=True, slots=True)
class UsedApproval:
    """The rows to write when a sale uses an approval."""

    statements: Sequence[Statement] = ()
    events: Sequence[AuditEvent] = ()


@dataclass(frozen=True, slots=True)
class SpentCredits:
    """The rows to write when a sale spends store credit."""

    statements: Sequence[Statement] = ()
    entries: Sequence[StoreCreditEntry] = ()


@dataclass(frozen=True, slots=True)
class Loaded:
    """The results of the first message, and the draft that was built from them."""

    session: CheckedSession
    draft: SaleDraft
    approvals: Sequence[Approval]
    locked: RegisterNumbers
    is_sequence_taken: bool
    credits: Mapping[str, StoreCredit]

    def use_approval(self, request: RequestContext, at: datetime) -> UsedApproval:
        """Use the approval if the discounts need one."""
        over_limit = self.draft.over_limit
        if over_limit is None:
            return UsedApproval()
        approval = over_limit.required_approval.use(self.approvals, request, at)
        over_limit.accept(approval)
        facts = collect_facts_of_use(approval)
        event = audit.build("approval_used", actor=request.by, target=approval, **facts)
        return UsedApproval([approval.build_use_statement()], [event])

    def spend_credits(self, at: datetime) -> SpentCredits:
        """Deduct the payments with store credit from its balances."""
        entries = build_spending(self.draft.payments, self.credits, by=self.draft.by)
        return SpentCredits(
            [each.build_balance_statement(at) for each in self.credits.values()], entries
        )


@dataclass(frozen=True, slots=True)
class Sale:
    """One request, between reading its body and writing its answer."""

    request: FastRequest
    body: bytes
    token: VerifiedToken
    cached: CachedSession
    now: datetime

    def answer(self) -> FastAnswer | None:
        with tenant_context(self.cached.tenant):
            bind_request(self.request.environ, self.cached.session)
            return self.sell()

    def sell(self) -> FastAnswer | None:
        key = self.read_key()
        new = self.read_order(key)
        if not self.cached.tenant.has_orders:
            raise NotReadable
        if not all(map(is_captured, new.payments)):
            return None
        if not any(each.method == Payment.Method.STORE_CREDIT for each in new.payments):
            return self.create(new, key)
        # Before the attempt is counted, because ended sessions must not count any.
        self.confirm_session()
        user = self.cached.user
        with count_code_attempt("payment", by=user, place=self.find_place()):
            try:
                return self.create(new, key)
            except UnknownStoreCredit as error:
                # Counted by the view.
                raise NotReadable from error
            finally:
                # Attempts are counted in a transaction of their own.
                pipeline.rollback()

    def confirm_session(self) -> None:
        _, result = pipeline.send((SCOPE, (self.token.tenant,)), self.token.build_call(self.now))
        self.check_session(result)

    def check_session(self, result: Result) -> CheckedSession:
        checked = check_session(self.token, result)
        if checked is None:
            raise NotReadable
        if not self.cached.matches(checked):
            raise SessionChanged(checked)
        return checked

    def find_place(self) -> str:
        register = self.cached.session.register_id
        ip = find_client_ip(self.request.environ)
        return register.hex if register else normalize_to_network(ip)

    def create(self, new: NewOrder, key: IdempotencyKey | None) -> FastAnswer:
        loaded = self.load(new)
        draft, at = loaded.draft, timezone.now()
        used = loaded.use_approval(RequestContext(draft.by, new.approval, new.terminal), at)
        numbers = draft.take_numbers(loaded.locked, is_sequence_taken=loaded.is_sequence_taken)
        spent = loaded.spend_credits(at)
        rows = draft.build_rows(numbers, at, [key] if key else [])
        answer = self.build_answer(draft.order)
        if key is not None:
            key.status, key.body = int(CREATED[:3]), answer.body.decode()
            key.headers = {"Content-Type": "application/json", **dict(answer.headers)}
        prepare_rows([used.events, spent.entries], at)
        pipeline.send(
            *map(to_call, (*used.statements, *spent.statements)),
            *to_inserts(filter(None, [used.events, spent.entries, *rows.tables])),
            *map(to_call, rows.also),
            *loaded.session.build_use_calls(self.now),
            *build_stock_calls(draft, at),
            (COMMIT, ()),
        )
        audit.log_saved([*used.events, *rows.audited])
        return answer

    def read_key(self) -> IdempotencyKey | None:
        key = self.request.environ.get(HEADER)
        if key is None:
            return None
        if KEY_FORMAT.match(key) is None:
            raise NotReadable
        cached, path = self.cached, self.request.environ["PATH_INFO"]
        return make_key(key, cached.tenant, cached.user.pk, path, self.body)

    def read_order(self, key: IdempotencyKey | None) -> NewOrder:
        session, data = self.cached.session, read_json(self.body)
        given = get_reader(OrderInput if session.register_id else OrderInputWithRegister)(data)
        if "id" in given.get("customer", ()):
            # The view locks the customer.
            raise NotReadable
        if "id" not in given:
            if key is None:
                raise NotReadable
            given["id"] = key.resource_id
        return build_new_order(given, data, session)

    def load(self, new: NewOrder) -> "Loaded":
        """Read everything in one message. It locks the approval and the numbers of the register."""
        user, tenant = self.cached.user, self.token.claims.tenant
        register = prepare_register(new.register, user)
        products = ProductLookup.prepare(new.lines)
        credits = PreparedCredits(new.payments)
        approval = new.approval and LOCKED_APPROVAL.prepare(tenant=tenant, pk=new.approval)
        _, _, session, registers, *found = pipeline.send(
            (BEGIN, ()),
            (SCOPE, (self.token.tenant,)),
            self.token.build_call(self.now),
            register.call,
            *products.calls,
            *([approval.call] if approval else []),
            to_call(build_lock_statement(tenant, new.register)),
            *credits.calls,
            *build_sequence_calls(new, self.token),
        )
        checked = self.check_session(session)
        results = iter(found)
        at = check_register(register.build_instances(registers), user)
        draft = build_draft(new, at, read_products(products, results, at.store), user)
        approvals = approval.build_instances(next(results)) if approval else []
        numbers = next(results).values()
        if draft.is_for_the_view or not numbers:
            raise NotReadable
        spent = credits.read(results)
        is_taken = any(each.values() for each in results)
        locked = RegisterNumbers.parse(numbers[0])
        return Loaded(checked, draft, approvals, locked, is_taken, spent)

    def build_answer(self, order: Order) -> FastAnswer:
        return FastAnswer(
            body=render_json(render_order(order)),
            user=str(self.token.claims.user),
            tenant=self.token.tenant.decode(),
            session=str(self.token.claims.session),
            status=CREATED,
            headers=(("ETag", f'"{order.version}"'),),
        )


def read_products(
    prepared: PreparedProducts, results: Iterator[Result], store: Store
) -> ProductLookup:
    """Return the products of the results.

    Their deposits, modifiers and price lists, if any, take another message each.
    """
    catalog = prepared.read(results)
    if modifiers := prepare_modifiers(catalog.list_products()):
        (rows,) = pipeline.send(modifiers.call)
        catalog.modifiers = ModifierLookup(modifiers.build_instances(rows))
    if deposits := catalog.prepare_deposits():
        (rows,) = pipeline.send(deposits.call)
        catalog.set_deposits(deposits.build_instances(rows))
    # The view answers sales to customers.
    context = PriceContext.find(store)
    if prices := ApplicablePrices.prepare(catalog.list_priced_ids(), context):
        (rows,) = pipeline.send(prices.call)
        catalog.prices = ApplicablePrices(context, prices.build_instances(rows))
    return catalog


def is_captured(payment: NewPayment) -> bool:
    """Return whether no gateway is needed for the payment."""
    return not payment.is_card or payment.is_external


def build_sequence_calls(new: NewOrder, token: VerifiedToken) -> list[Call]:
    """Return the query of `is_device_sequence_taken`, after the lock of the series."""
    if new.device_sequence is None:
        return []
    values = (token.tenant, str(new.register).encode(), str(new.device_sequence).encode())
    return [(SEQUENCE_TAKEN, values)]


def build_stock_calls(draft: SaleDraft, at: datetime) -> list[Call]:
    """Return the statement that deducts the stock, last because its rows are contended."""
    quantities = sum_tracked_quantities(draft.lines) if draft.is_paid else {}
    if not quantities:
        return []
    sell = build_sell_statement(
        draft.order.store, quantities, at, only_if_enough=is_oversale_blocked()
    )
    return [to_call(sell)]
