"""Receipt profiles over the API: versions, limits, permissions and isolation of shops."""

import base64
import hashlib

import pytest

from orders.models import ReceiptProfile
from tenants.models import AuditEvent, OutboxEvent, Store
from tenants.scope import tenant_scope
from tests.factories.accounts import AuthSessionFactory
from tests.support.api import Person
from tests.support.png import build_png, header
from tests.support.receipt_profiles import PROFILE, create_profile
from tests.support.till import new_id

pytestmark = [pytest.mark.once, pytest.mark.django_db]

PATH = "receipt-profiles/"
LOGO = base64.b64encode(build_png()).decode()


@pytest.fixture
def body(store):
    return PROFILE | {"store": str(store.pk), "logo": LOGO}


def snapshot(shop):
    with tenant_scope(shop):
        names = ("receipt_profile", "receipt_profile_hash", "version")
        return (
            list(ReceiptProfile.objects.order_by("pk").values()),
            list(Store.objects.order_by("pk").values_list(*names)),
            AuditEvent.objects.filter(event="receipt_profile_saved").count(),
            OutboxEvent.objects.filter(topic="receipt_profile.created").count(),
        )


def test_saving_creates_a_version_that_staff_of_the_store_can_read(
    manager_client, client_of, cashier, body, shop, store
):
    made = manager_client.post(PATH, body)

    assert made.status_code == 201, made.content
    shown = made.json()
    given = {name: value for name, value in body.items() if name != "logo"}
    assert {name: shown[name] for name in given} == given
    assert shown["version"] == 1
    assert shown["logo_hash"] == hashlib.sha256(build_png()).hexdigest()
    assert client_of(cashier).get(f"{PATH}{shown['id']}/").json() == shown
    assert client_of(cashier).get(PATH).json()["results"] == [shown]
    logo = client_of(cashier).get(f"{PATH}{shown['id']}/logo/")
    assert (logo["Content-Type"], logo.content) == ("image/png", build_png())
    with tenant_scope(shop):
        store.refresh_from_db()
    assert (str(store.receipt_profile), store.receipt_profile_hash) == (shown["id"], shown["hash"])


def test_only_name_and_store_are_required(manager_client, store):
    made = manager_client.post(PATH, {"store": str(store.pk), "legal_name": "Acme"}).json()

    assert (made["language"], made["paper_mm"], made["code_page"]) == ("en", 80, "pc858")
    assert (made["tax_numbers"], made["header"], made["footer"], made["logo_hash"]) == (
        *([], [], []),
        "",
    )


def test_each_change_is_a_new_version(manager_client, body, shop):
    first = manager_client.post(PATH, body).json()

    second = manager_client.post(PATH, body | {"legal_name": "Other"}).json()

    assert [first["version"], second["version"]] == [1, 2]
    assert first["hash"] != second["hash"]
    assert manager_client.get(f"{PATH}{first['id']}/").json() == first
    shown = manager_client.get(f"{PATH}?current=true").json()["results"]
    assert shown == [second]
    assert manager_client.get(f"{PATH}?current=false").json()["results"] == [first]


def test_logo_is_kept_on_request(manager_client, body, problem, shop):
    first = manager_client.post(PATH, body).json()
    del body["logo"]

    kept = manager_client.post(PATH, body | {"keep_logo": True}).json()
    without = manager_client.post(PATH, body).json()

    assert (kept["logo_hash"], without["logo_hash"]) == (first["logo_hash"], "")
    problem(manager_client.get(f"{PATH}{without['id']}/logo/"), 404, "not_found")
    before = snapshot(shop)
    refused = manager_client.post(PATH, body | {"keep_logo": True, "logo": LOGO})
    problem(refused, 400, "invalid", {"keep_logo": "not_allowed"})
    assert snapshot(shop) == before


def test_change_of_an_outdated_version_is_refused(manager_client, body, problem, shop):
    first = manager_client.post(PATH, body).json()
    second = manager_client.post(PATH, body | {"replaces": first["id"]}).json()
    before = snapshot(shop)

    refused = manager_client.post(PATH, body | {"replaces": first["id"]})

    assert problem(refused, 409, "receipt_profile_changed")["current"] == second["id"]
    assert snapshot(shop) == before


def test_request_repeated_with_its_key_makes_one_version(manager_client, body, shop):
    key = new_id()
    answers = [manager_client.post(PATH, body, Idempotency_Key=key) for _ in range(2)]

    assert answers[0].json() == answers[1].json()
    with tenant_scope(shop):
        assert ReceiptProfile.objects.count() == 1


BOMB = base64.b64encode(build_png()[:8] + header(60000, 60000)).decode()
TAX_NUMBER = {"label": "VAT ID", "number": "1"}


@pytest.mark.parametrize(
    ("changes", "errors"),
    [
        ({"legal_name": ""}, {"legal_name": "blank"}),
        ({"legal_name": "x" * 201}, {"legal_name": "max_length"}),
        ({"legal_name": "a\nb"}, {"legal_name": "control_character"}),
        ({"address": "x" * 501}, {"address": "max_length"}),
        ({"tax_numbers": [TAX_NUMBER] * 6}, {"tax_numbers": "max_length"}),
        (
            {"tax_numbers": [{"label": "x" * 41, "number": "x" * 41}]},
            {"tax_numbers[0].label": "max_length", "tax_numbers[0].number": "max_length"},
        ),
        ({"tax_numbers": [{"number": ""}]}, {"tax_numbers[0].number": "blank"}),
        ({"tax_numbers": ["DE1"]}, {"tax_numbers[0]": "invalid"}),
        ({"header": ["x"] * 11}, {"header": "max_length"}),
        ({"footer": ["x"] * 11}, {"footer": "max_length"}),
        ({"header": ["ok", "x" * 101]}, {"header[1]": "max_length"}),
        ({"footer": ["a\nb"]}, {"footer[0]": "control_character"}),
        ({"header": "text"}, {"header": "not_a_list"}),
        ({"return_policy": "x" * 1001}, {"return_policy": "max_length"}),
        ({"language": "el"}, {"language": "invalid_choice"}),
        ({"paper_mm": 70}, {"paper_mm": "invalid_choice"}),
        ({"paper_mm": "80"}, {"paper_mm": "invalid"}),
        ({"code_page": "pc999"}, {"code_page": "invalid_choice"}),
        ({"drawer_pulse": "yes"}, {"drawer_pulse": "invalid"}),
        ({"logo": 7}, {"logo": "invalid"}),
        ({"logo": "no base64!"}, {"logo": "invalid"}),
        ({"logo": base64.b64encode(b"GIF89a").decode()}, {"logo": "invalid_image"}),
        ({"logo": BOMB}, {"logo": "invalid_image"}),
        ({"logo": base64.b64encode(bytes(200 * 1024 + 1)).decode()}, {"logo": "max_length"}),
        ({"logo": "A" * 300_000}, {"logo": "max_length"}),
        ({"store": new_id()}, {"store": "does_not_exist"}),
        ({"hash": "0" * 64}, {"hash": "unknown_field"}),
        ({"version": 7}, {"version": "unknown_field"}),
    ],
)
def test_invalid_profile_is_refused_and_changes_nothing(
    manager_client, body, shop, problem, changes, errors
):
    manager_client.post(PATH, body)
    before = snapshot(shop)

    problem(manager_client.post(PATH, body | changes), 400, "invalid", errors)

    assert snapshot(shop) == before


def test_longest_values_are_saved(manager_client, body):
    longest = {
        "legal_name": "W" * 200,
        "address": "W" * 500,
        "tax_numbers": [{"label": "W" * 40, "number": "W" * 40}] * 5,
        "header": ["W" * 100] * 10,
        "footer": ["W" * 100] * 10,
        "return_policy": "W" * 1000,
    }

    made = manager_client.post(PATH, body | longest)

    assert made.status_code == 201, made.content
    assert {name: made.json()[name] for name in longest} == longest


def test_cashiers_and_pin_sessions_may_not_save(client_of, cashier, manager, body, problem, shop):
    before = snapshot(shop)

    problem(client_of(cashier).post(PATH, body), 403, "permission_denied")
    by_pin = Person(manager, AuthSessionFactory(user=manager, method="pin"))
    problem(by_pin.post(PATH, body), 403, "password_required")

    assert snapshot(shop) == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE"])
def test_a_version_can_be_neither_changed_nor_deleted(manager_client, body, problem, method, shop):
    made = manager_client.post(PATH, body).json()
    before = snapshot(shop)

    refused = manager_client.send(method, f"{PATH}{made['id']}/", body)

    problem(refused, 405, "method_not_allowed")
    assert snapshot(shop) == before


def test_profiles_of_another_shop_do_not_exist(
    manager_client, foreign, other_shop, body, problem, shop
):
    theirs = create_profile(foreign.order.store, foreign.order.cashier)
    before = snapshot(other_shop)

    for path in (f"{PATH}{theirs.pk}/", f"{PATH}{theirs.pk}/logo/"):
        problem(manager_client.get(path), 404, "not_found")
    assert manager_client.get(PATH).json()["results"] == []
    of_them = body | {"store": str(foreign.order.store_id)}
    problem(manager_client.post(PATH, of_them), 400, "invalid", {"store": "does_not_exist"})
    ours = manager_client.post(PATH, body).json()
    refused = manager_client.post(PATH, body | {"replaces": str(theirs.pk)})
    problem(refused, 409, "receipt_profile_changed")
    assert snapshot(other_shop) == before
    assert [str(row["id"]) for row in snapshot(shop)[0]] == [ours["id"]]
