"""Request an approval: contents, requester and who can see it."""

import uuid
from datetime import timedelta

import pytest

from accounts.models import Approval, RefundMethod
from accounts.services.approvals import PENDING_LIFETIME
from orders.models import Payment
from tenants.scope import tenant_scope
from tests.architecture.test_schema import ensure_documented
from tests.factories.accounts import PASSWORD, ApprovalFactory
from tests.support.approvals import (
    APPROVALS,
    WITHOUT_AMOUNT,
    build_request,
    decide,
    grant_approval,
    list_approval_events,
    log_in_at_register,
    new_id,
    reload_approval,
    renew_session,
    request_approval,
)

ORDER = "0190b4e0-0000-7000-8000-00000000beef"


@pytest.fixture
def till(cashier, client_of):
    return client_of(cashier)


def has_no_approvals(shop):
    with tenant_scope(shop):
        return not Approval.objects.exists()


def found(person, **query):
    response = person.get(APPROVALS, query)
    assert response.status_code == 200, response.content
    return [each["id"] for each in response.json()["results"]]


# --- creating ----------------------------------------------------------------------------------


def test_request_shows_requester_action_object_and_expiry(clock, till, cashier):
    response = till.post(
        APPROVALS, build_request(object={"order": ORDER}, amount="5", reason="Bruised")
    )

    assert response.status_code == 201
    assert response["ETag"] == '"1"'
    ensure_documented(response, "post", "approval-list")
    answer = response.json()
    assert answer == {
        "id": answer["id"],
        "action": "discount",
        "object": {"order": ORDER},
        "amount": "5.00",
        "method": None,
        "reason": "Bruised",
        "status": "pending",
        "requested_by": {"id": str(cashier.pk), "name": str(cashier)},
        "terminal": None,
        "register": None,
        "store": None,
        "decided_by": None,
        "decided_at": None,
        "expires_at": "2026-03-02T08:15:00Z",
        "used_at": None,
        "created_at": "2026-03-02T08:00:00Z",
        "version": 1,
    }


def test_request_shows_terminal_register_and_store(cashier, register):
    till = log_in_at_register(cashier, register)

    answer = request_approval(till)

    assert answer["terminal"] == str(till.session.terminal_id)
    assert (answer["register"], answer["store"]) == (str(register.pk), str(register.store_id))


@pytest.mark.parametrize(
    ("action", "about"),
    [
        ("discount", "order"),
        ("price_override", "order"),
        ("refund", "order"),
        ("void", "order"),
        ("sell_expired", "order"),
        ("deposit_return", "order"),
        ("paid_out", "shift"),
        ("paid_out", "register"),
        ("drop", "shift"),
        ("drop", "register"),
    ],
)
def test_approval_request_needs_exactly_one_object_of_its_action(till, action, about):
    pk = new_id()

    answer = request_approval(till, action, object={about: pk})

    assert answer["object"] == {about: pk}
    assert answer["amount"] == (None if action in WITHOUT_AMOUNT else "5.00")
    assert reload_approval(answer).object_key == f'{{"{about}":"{pk}"}}'


def test_object_ids_are_normalized(till):
    answer = request_approval(till, object={"order": ORDER.upper()})

    assert answer["object"] == {"order": ORDER}
    assert reload_approval(answer).object_key == f'{{"order":"{ORDER}"}}'


def test_price_override_of_zero_is_accepted(till):
    assert request_approval(till, "price_override", amount="0.00")["amount"] == "0.00"


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"action": None}, {"action": "required"}),
        ({"action": "refunds"}, {"action": "invalid_choice"}),
        ({"object": None}, {"object": "required"}),
        ({"object": ORDER}, {"object": "invalid"}),
        ({"object": {}}, {"object": "one_of"}),
        ({"object": {"order": "1"}}, {"object.order": "invalid"}),
        ({"object": {"order": None}}, {"object.order": "null"}),
        ({"object": {"shift": ORDER}}, {"object": "one_of"}),
        ({"object": {"order": ORDER, "shift": ORDER}}, {"object": "one_of"}),
        ({"object": {"order": ORDER, "line": ORDER}}, {"object.line": "unknown_field"}),
        ({"amount": None}, {"amount": "required"}),
        ({"amount": "-1.00"}, {"amount": "invalid"}),
        ({"amount": "1.001"}, {"amount": "max_decimal_places"}),
        ({"amount": 1.5}, {"amount": "invalid"}),
        ({"amount": "1e3"}, {"amount": "invalid"}),
        ({"reason": "x" * 201}, {"reason": "max_length"}),
        ({"action": "refund", "amount": "0.00"}, {"amount": "zero"}),
        ({"method": "original"}, {"method": "not_possible"}),
        ({"action": "void", "amount": None, "method": "cash"}, {"method": "not_possible"}),
        ({"action": "refund", "method": "cheque"}, {"method": "invalid_choice"}),
        ({"action": "refund", "method": ""}, {"method": "invalid_choice"}),
        ({"action": "void"}, {"amount": "not_possible"}),
        ({"action": "drop"}, {"object": "one_of"}),
        ({"action": "drop", "object": {"shift": ORDER}, "amount": "0"}, {"amount": "zero"}),
        ({"action": "paid_out"}, {"object": "one_of"}),
        (
            {"action": "paid_out", "object": {"shift": ORDER, "register": ORDER}},
            {"object": "one_of"},
        ),
        (
            {"action": "paid_out", "object": {"shift": ORDER}, "amount": "0"},
            {"amount": "zero"},
        ),
        # The server sets the requester, the decision and the expiry.
        ({"status": "approved"}, {"status": "unknown_field"}),
        ({"requested_by": ORDER}, {"requested_by": "unknown_field"}),
        ({"decided_by": ORDER}, {"decided_by": "unknown_field"}),
        ({"expires_at": "2099-01-01T00:00:00Z"}, {"expires_at": "unknown_field"}),
        ({"object_key": "{}"}, {"object_key": "unknown_field"}),
        ({"terminal": ORDER}, {"terminal": "unknown_field"}),
    ],
    ids=str,
)
def test_attack_119_123_invalid_request_is_rejected_and_not_stored(
    till, shop, problem, changes, errors
):
    body = {name: value for name, value in (build_request() | changes).items() if value is not None}

    problem(till.post(APPROVALS, body), 400, "invalid", errors)

    assert has_no_approvals(shop)
    assert list_approval_events(shop) == []


def test_request_is_recorded_in_the_audit_log(till, cashier, shop):
    answer = request_approval(till, "refund", reason="Broken")

    (event,) = list_approval_events(shop)
    assert (event.event, event.actor, event.target) == (
        "approval_requested",
        cashier.pk,
        uuid.UUID(answer["id"]),
    )
    facts = {"action": "refund", "object": answer["object"], "amount": "5.00"}
    assert event.facts == facts | {"method": "original"}


def test_refund_method_defaults_to_the_original_method(till):
    """The choices equal those of payments, which this layer must not import."""
    assert set(RefundMethod) == {"original", *Payment.Method.values}

    for method in RefundMethod.values:
        assert request_approval(till, "refund", method=method)["method"] == method
    assert request_approval(till, "refund")["method"] == "original"


# --- reading -----------------------------------------------------------------------------------


def test_cashier_lists_own_approval_requests_and_manager_lists_all(
    till, manager_client, admin, client_of, other_cashier, problem
):
    own, others = request_approval(till), request_approval(client_of(other_cashier))

    assert found(till) == [own["id"]]
    assert till.get(f"{APPROVALS}{own['id']}/").json() == own
    problem(till.get(f"{APPROVALS}{others['id']}/"), 404, "not_found")
    for person in (manager_client, client_of(admin)):
        assert found(person) == [others["id"], own["id"]]
        assert person.get(f"{APPROVALS}{others['id']}/").json() == others


def test_list_is_filtered_by_status_action_requester_and_time(clock, till, manager_client, cashier):
    late = request_approval(till, "void")
    clock.shift(PENDING_LIFETIME)
    till, manager_client = renew_session(till), renew_session(manager_client)
    manager_client.post("auth/reauth/", {"password": PASSWORD})
    pending = request_approval(till)
    approved = grant_approval(manager_client, request_approval(till, "refund"))
    denied = decide(manager_client, request_approval(till, "price_override"), "deny").json()

    for query, expected in [
        ({"status": "pending"}, [pending]),
        ({"status": "approved"}, [approved]),
        ({"status": "denied"}, [denied]),
        ({"status": "used"}, []),
        ({"status": "expired"}, [late]),
        ({"action": "void"}, [late]),
        ({"action": "void", "status": "pending"}, []),
        ({"requested_by": str(cashier.pk)}, [denied, approved, pending, late]),
        ({"requested_by": new_id()}, []),
        ({"updated_since": "2026-03-02T08:15:00Z"}, [denied, approved, pending]),
        ({"ordering": "created_at"}, [late, pending, approved, denied]),
    ]:
        assert found(till, **query) == [each["id"] for each in expected], query


def test_list_is_paginated(till, cashier):
    rows = [ApprovalFactory(requested_by=cashier) for _ in range(3)]

    first = till.get(APPROVALS, {"page_size": "2"}).json()
    second = till.get(first["next"].split("/api/v1/")[1]).json()

    pages = [each["id"] for each in first["results"] + second["results"]]
    assert pages == [str(row.pk) for row in reversed(rows)]
    assert second["next"] is None


@pytest.mark.parametrize(
    ("query", "code", "errors"),
    [
        ({"status": "open"}, "invalid", {"status": "invalid_choice"}),
        ({"action": "sale"}, "invalid", {"action": "invalid_choice"}),
        ({"object_key": "x"}, "unknown_filter", {"object_key": "unknown_filter"}),
        ({"ordering": "amount"}, "invalid", {"ordering": "invalid"}),
    ],
)
def test_invalid_filter_or_ordering_is_rejected(till, problem, query, code, errors):
    problem(till.get(APPROVALS, query), 400, code, errors)


def test_undecided_request_is_shown_as_expired_after_its_lifetime(clock, till):
    answer = request_approval(till)
    path = f"{APPROVALS}{answer['id']}/"

    clock.shift(PENDING_LIFETIME - timedelta(seconds=1))
    assert renew_session(till).get(path).json()["status"] == "pending"
    clock.shift(timedelta(seconds=1))
    assert renew_session(till).get(path).json()["status"] == "expired"
    assert reload_approval(answer).status == "pending"


def test_requests_of_another_shop_are_not_visible(foreign_admin, client_of, till, problem):
    answer = request_approval(till)
    them = client_of(foreign_admin)

    assert found(them) == []
    problem(them.get(f"{APPROVALS}{answer['id']}/"), 404, "not_found")
