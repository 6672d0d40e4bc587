"""Log out of one session and of all sessions."""

import pytest

from accounts.models import AuthSession
from tenants.scope import across_tenants
from tests.support.api import Api


def count_end_reasons() -> dict[str, int]:
    """Return the number of ended sessions by reason."""
    with across_tenants():
        reasons = AuthSession.objects.exclude(revoked_at=None).values_list("revoke_reason")
        counts: dict[str, int] = {}
        for (reason,) in reasons:
            counts[reason] = counts.get(reason, 0) + 1
        return counts


def check_tokens_rejected(api, problem) -> bool:
    problem(api.get("auth/me/"), 401, "token_not_valid")
    problem(
        Api().post("auth/token/refresh/", {"refresh": api.tokens.refresh}), 401, "token_not_valid"
    )
    return True


def test_attack_053_logout_ends_both_tokens_immediately(cashier, client_of, problem):
    till = client_of(cashier)

    response = till.post("auth/logout/")

    assert (response.status_code, response.content) == (204, b"")
    assert check_tokens_rejected(till, problem)
    assert count_end_reasons() == {"logout": 1}


def test_attack_053_second_logout_is_rejected_and_changes_nothing(cashier, client_of, problem):
    till = client_of(cashier)
    till.post("auth/logout/")
    with across_tenants():
        first = AuthSession.objects.get().revoked_at

    problem(till.post("auth/logout/"), 401, "token_not_valid")

    with across_tenants():
        assert AuthSession.objects.get().revoked_at == first


def test_logout_keeps_other_sessions(cashier, manager, foreign, client_of):
    till, admin_client = client_of(cashier), client_of(cashier)
    others = [client_of(manager), client_of(foreign.cashier)]

    till.post("auth/logout/")

    assert [api.get("auth/me/").status_code for api in [admin_client, *others]] == [200] * 3


@pytest.mark.parametrize("path", ["auth/logout/", "auth/logout-all/"])
def test_attack_053_logout_ignores_a_refresh_token_in_the_body(path, cashier, manager, client_of):
    """The session of the access token ends, for any body."""
    till, admin_client = client_of(cashier), client_of(manager)

    till.post(path, {"refresh": admin_client.tokens.refresh})

    assert admin_client.get("auth/me/").status_code == 200


def test_logout_everywhere_ends_all_sessions_of_the_user_only(
    cashier, manager, foreign, client_of, problem
):
    mine = [client_of(cashier) for _ in range(3)]
    others = [client_of(manager), client_of(foreign.cashier)]

    assert mine[0].post("auth/logout-all/").status_code == 204

    assert all(check_tokens_rejected(api, problem) for api in mine)
    assert [api.get("auth/me/").status_code for api in others] == [200, 200]
    assert count_end_reasons() == {"logout_all": 3}


@pytest.mark.parametrize("path", ["auth/logout/", "auth/logout-all/"])
def test_user_with_a_temporary_password_can_log_out(path, cashier, client_of):
    cashier.must_change_password = True
    cashier.save()

    assert client_of(cashier).post(path).status_code == 204


@pytest.mark.parametrize("path", ["auth/logout/", "auth/logout-all/"])
def test_logout_needs_a_login(path, anonymous, problem):
    problem(anonymous.post(path), 401, "not_authenticated")


@pytest.mark.parametrize("path", ["auth/logout/", "auth/logout-all/"])
def test_logout_with_the_header_of_another_shop_is_rejected(
    path, cashier, other_shop, client_of, problem
):
    till = client_of(cashier)

    problem(till.post(path, X_Tenant_ID=other_shop.slug), 403, "tenant_mismatch")

    assert count_end_reasons() == {}
    assert till.get("auth/me/").status_code == 200
