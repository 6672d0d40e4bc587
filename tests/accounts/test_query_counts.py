"""Statement counts of the frequent requests; change them only on purpose.

Without Redis, counting an attempt takes three: create the rows, lock them, update them.
"""

import pytest

from tests.factories.accounts import PASSWORD, UserFactory


@pytest.fixture(params=[1, 30])
def staff(request, shop):
    """Create one or thirty colleagues; the number of statements must be the same."""
    return [UserFactory(tenant=shop) for _ in range(request.param)]


def test_login_takes_thirteen_statements(anonymous, cashier, statements):
    body = {"tenant": "green", "username": "c1", "password": PASSWORD}

    # The shop, whether the address is known, count, the user, reset the count, two writes, unlock
    # the PIN, the audit event.
    with statements(1 + 1 + 3 + 1 + 3 + 2 + 1 + 1):
        assert anonymous.post("auth/token/", body).status_code == 200


def test_refused_login_takes_seven_statements(anonymous, cashier, statements):
    body = {"tenant": "green", "username": "c1", "password": "wrong"}

    with statements(1 + 1 + 3 + 1 + 1):
        assert anonymous.post("auth/token/", body).status_code == 401


def test_rate_limited_login_only_reads_the_counters(anonymous, clock, cashier, statements):
    body = {"tenant": "green", "username": "c1", "password": "wrong"}
    for _ in range(5):
        anonymous.post("auth/token/", body)

    with statements(1 + 1 + 2):
        assert anonymous.post("auth/token/", body).status_code == 429


def test_refresh_takes_five_statements(anonymous, admin_client, statements):
    with statements(3 + 2):
        answer = anonymous.post("auth/token/refresh/", {"refresh": admin_client.tokens.refresh})

    assert answer.status_code == 200


def test_authentication_takes_one_statement(admin_client, statements):
    with statements(1):
        assert admin_client.get("auth/me/").status_code == 200


def test_forged_token_takes_no_statement(anonymous, statements):
    with statements(0):
        assert anonymous.get("auth/me/", Authorization="Bearer x.y.z").status_code == 401


def test_user_list_takes_two_more_statements(admin_client, staff, statements):
    """The users and their store assignments."""
    with statements(3):
        page = admin_client.get("users/").json()

    assert len(page["results"]) == len(staff) + 1


def test_user_detail_takes_two_more_statements(admin_client, cashier, statements):
    with statements(3):
        assert admin_client.get(f"users/{cashier.pk}/").status_code == 200


@pytest.mark.parametrize("path", ["stores/", "registers/"])
def test_store_and_register_lists_take_one_more_statement(path, admin_client, register, statements):
    with statements(2):
        assert len(admin_client.get(path).json()["results"]) == 1


def test_tenant_is_loaded_with_the_user(admin_client, statements):
    with statements(1):
        assert admin_client.get("tenant/").status_code == 200


def test_logout_takes_three_statements(admin_client, statements):
    with statements(2 + 1):
        assert admin_client.post("auth/logout/").status_code == 204
