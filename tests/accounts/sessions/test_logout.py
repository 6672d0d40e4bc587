"""Logging out: here, and everywhere."""

import pytest

from accounts.models import AuthSession
from tenants.scope import across_tenants
from tests.support.api import Api


def ended() -> dict[str, int]:
    """How many sessions ended for which reason."""
    with across_tenants():
        reasons = AuthSession.objects.exclude(revoked_at=None).values_list("revoke_reason")
        counts: dict[str, int] = {}
        for (reason,) in reasons:
            counts[reason] = counts.get(reason, 0) + 1
        return counts


def is_dead(api, problem) -> bool:
    problem(api.get("auth/me/"), 401, "token_not_valid")
    problem(
        Api().post("auth/token/refresh/", {"refresh": api.tokens.refresh}), 401, "token_not_valid"
    )
    return True


def test_attack_053_both_tokens_are_dead_at_once(cashier, client_of, problem):
    till = client_of(cashier)

    response = till.post("auth/logout/")

    assert (response.status_code, response.content) == (204, b"")
    assert is_dead(till, problem)
    assert ended() == {"logout": 1}


def test_attack_053_a_second_log_out_changes_nothing(cashier, client_of, problem):
    till = client_of(cashier)
    till.post("auth/logout/")
    with across_tenants():
        first = AuthSession.objects.get().revoked_at

    problem(till.post("auth/logout/"), 401, "token_not_valid")

    with across_tenants():
        assert AuthSession.objects.get().revoked_at == first


def test_other_sessions_go_on(cashier, manager, foreign, client_of):
    till, admin_client = client_of(cashier), client_of(cashier)
    others = [client_of(manager), client_of(foreign.cashier)]

    till.post("auth/logout/")

    assert [api.get("auth/me/").status_code for api in [admin_client, *others]] == [200] * 3


@pytest.mark.parametrize("path", ["auth/logout/", "auth/logout-all/"])
def test_attack_053_somebody_elses_refresh_token_is_no_input(path, cashier, manager, client_of):
    """The session that ends is the bearer's, whatever a body says."""
    till, admin_client = client_of(cashier), client_of(manager)

    till.post(path, {"refresh": admin_client.tokens.refresh})

    assert admin_client.get("auth/me/").status_code == 200


def test_everywhere_means_on_every_device_and_nobody_else(
    cashier, manager, foreign, client_of, problem
):
    mine = [client_of(cashier) for _ in range(3)]
    others = [client_of(manager), client_of(foreign.cashier)]

    assert mine[0].post("auth/logout-all/").status_code == 204

    assert all(is_dead(api, problem) for api in mine)
    assert [api.get("auth/me/").status_code for api in others] == [200, 200]
    assert ended() == {"logout_all": 3}


@pytest.mark.parametrize("path", ["auth/logout/", "auth/logout-all/"])
def test_who_must_change_the_password_may_also_leave(path, cashier, client_of):
    cashier.must_change_password = True
    cashier.save()

    assert client_of(cashier).post(path).status_code == 204


@pytest.mark.parametrize("path", ["auth/logout/", "auth/logout-all/"])
def test_nobody_logs_out_without_a_log_in(path, anonymous, problem):
    problem(anonymous.post(path), 401, "not_authenticated")


@pytest.mark.parametrize("path", ["auth/logout/", "auth/logout-all/"])
def test_a_log_out_for_another_shop_ends_nothing(path, cashier, other_shop, client_of, problem):
    till = client_of(cashier)

    problem(till.post(path, X_Tenant_ID=other_shop.slug), 403, "tenant_mismatch")

    assert ended() == {}
    assert till.get("auth/me/").status_code == 200
