"""How many statements each of the busy calls takes: one more is a decision, not an accident.

Counting a try takes three where no Redis does it: make its rows, lock them, write them.
"""

import pytest

from tests.factories.accounts import PASSWORD, UserFactory


@pytest.fixture
def admin_client(admin, client_of):
    return client_of(admin)


@pytest.fixture(params=[1, 30])
def staff(request, shop):
    """One colleague, or thirty: the number of statements must not depend on it."""
    return [UserFactory(tenant=shop) for _ in range(request.param)]


def test_a_log_in_finds_the_shop_and_the_person_and_writes_a_session(
    anonymous, cashier, statements
):
    body = {"tenant": "green", "username": "c1", "password": PASSWORD}

    # The shop, whether the address is known, counted, the person, forgiven, two writes, the PIN
    # open again, noted.
    with statements(1 + 1 + 3 + 1 + 3 + 2 + 1 + 1):
        assert anonymous.post("auth/token/", body).status_code == 200


def test_a_refused_log_in_finds_the_shop_and_the_person_and_is_noted(
    anonymous, cashier, statements
):
    body = {"tenant": "green", "username": "c1", "password": "wrong"}

    with statements(1 + 1 + 3 + 1 + 1):
        assert anonymous.post("auth/token/", body).status_code == 401


def test_a_log_in_that_comes_too_often_only_asks_the_counts(anonymous, clock, cashier, statements):
    body = {"tenant": "green", "username": "c1", "password": "wrong"}
    for _ in range(5):
        anonymous.post("auth/token/", body)

    with statements(1 + 1 + 2):
        assert anonymous.post("auth/token/", body).status_code == 429


def test_a_refresh_is_counted_and_is_one_swap_and_one_look(anonymous, admin_client, statements):
    with statements(3 + 2):
        answer = anonymous.post("auth/token/refresh/", {"refresh": admin_client.tokens.refresh})

    assert answer.status_code == 200


def test_who_asks_is_found_in_one_statement(admin_client, statements):
    with statements(1):
        assert admin_client.get("auth/me/").status_code == 200


def test_a_forged_token_asks_nothing(anonymous, statements):
    with statements(0):
        assert anonymous.get("auth/me/", Authorization="Bearer x.y.z").status_code == 401


def test_a_list_of_people_is_two_statements_more(admin_client, staff, statements):
    """Themselves, and where they work."""
    with statements(3):
        page = admin_client.get("users/").json()

    assert len(page["results"]) == len(staff) + 1


def test_so_is_one_person(admin_client, cashier, statements):
    with statements(3):
        assert admin_client.get(f"users/{cashier.pk}/").status_code == 200


@pytest.mark.parametrize("path", ["stores/", "registers/"])
def test_so_is_a_list_of_places(path, admin_client, register, statements):
    with statements(2):
        assert len(admin_client.get(path).json()["results"]) == 1


def test_the_shop_comes_with_whoever_asks(admin_client, statements):
    with statements(1):
        assert admin_client.get("tenant/").status_code == 200


def test_a_log_out_is_one_update_and_is_noted(admin_client, statements):
    with statements(2 + 1):
        assert admin_client.post("auth/logout/").status_code == 204
