"""The complete permission table between users, on unsaved instances."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from accounts.models import Role, User
from tenants.models import Tenant

OURS = Tenant(slug="ours", name="Ours", currency="EUR")
THEIRS = Tenant(slug="theirs", name="Theirs", currency="EUR")


def build_user(role: str, tenant: Tenant | None = OURS, *, is_active: bool = True) -> User:
    return User(tenant=tenant, role=role, is_active=is_active, is_superuser=tenant is None)


def pairs(first: Iterable[Any], second: Iterable[Any]) -> list[tuple[Any, Any]]:
    return list(product(first, second))


ACTORS = {
    "admin": build_user(Role.ADMIN),
    "manager": build_user(Role.MANAGER),
    "cashier": build_user(Role.CASHIER),
    "sacked admin": build_user(Role.ADMIN, is_active=False),
    "sacked manager": build_user(Role.MANAGER, is_active=False),
    "sacked cashier": build_user(Role.CASHIER, is_active=False),
    "admin elsewhere": build_user(Role.ADMIN, THEIRS),
    "manager elsewhere": build_user(Role.MANAGER, THEIRS),
    "platform": build_user("", None),
    "sacked platform": build_user("", None, is_active=False),
    "nobody": User(),
}
# Each target is a different user than the actor with the same name.
TARGETS = {
    "an admin": build_user(Role.ADMIN),
    "a manager": build_user(Role.MANAGER),
    "a cashier": build_user(Role.CASHIER),
    "a sacked admin": build_user(Role.ADMIN, is_active=False),
    "a sacked manager": build_user(Role.MANAGER, is_active=False),
    "a sacked cashier": build_user(Role.CASHIER, is_active=False),
    "an admin elsewhere": build_user(Role.ADMIN, THEIRS),
    "a manager elsewhere": build_user(Role.MANAGER, THEIRS),
    "a cashier elsewhere": build_user(Role.CASHIER, THEIRS),
    "the platform": build_user("", None),
    "nobody": User(),
}
STAFF = {
    "an admin",
    "a manager",
    "a cashier",
    "a sacked admin",
    "a sacked manager",
    "a sacked cashier",
}
STAFF_ELSEWHERE = {"an admin elsewhere", "a manager elsewhere", "a cashier elsewhere"}
CASHIERS = {"a cashier", "a sacked cashier"}

MAY_MANAGE = {
    "admin": STAFF,
    "manager": CASHIERS,
    "admin elsewhere": STAFF_ELSEWHERE,
    "manager elsewhere": {"a cashier elsewhere"},
    "platform": STAFF | STAFF_ELSEWHERE,
}
MAY_CHANGE_ROLE = {
    "admin": STAFF,
    "admin elsewhere": STAFF_ELSEWHERE,
    "platform": STAFF | STAFF_ELSEWHERE,
}
MAY_CREATE = {
    "admin": set(Role),
    "manager": {Role.CASHIER},
    "admin elsewhere": set(Role),
    "manager elsewhere": {Role.CASHIER},
}


@pytest.mark.parametrize(("actor", "target"), pairs(ACTORS, TARGETS))
def test_may_manage(actor, target):
    expected = target in MAY_MANAGE.get(actor, ())

    assert ACTORS[actor].may_manage(TARGETS[target]) is expected


@pytest.mark.parametrize(("actor", "target"), pairs(ACTORS, TARGETS))
def test_may_log_out(actor, target):
    expected = target in MAY_MANAGE.get(actor, ())

    assert ACTORS[actor].may_log_out(TARGETS[target]) is expected


@pytest.mark.parametrize("actor", ACTORS)
def test_active_user_may_log_out_themselves(actor):
    assert ACTORS[actor].may_log_out(ACTORS[actor]) is ACTORS[actor].is_active


@pytest.mark.parametrize(("actor", "target"), pairs(ACTORS, TARGETS))
def test_may_set_pin_and_assign_stores(actor, target):
    expected = target in MAY_MANAGE.get(actor, ())

    assert ACTORS[actor].may_set_pin(TARGETS[target]) is expected
    assert ACTORS[actor].may_assign_stores(TARGETS[target]) is expected


@pytest.mark.parametrize("actor", ACTORS)
def test_active_user_may_set_own_pin(actor):
    assert ACTORS[actor].may_set_pin(ACTORS[actor]) is ACTORS[actor].is_active


@pytest.mark.parametrize("actor", ACTORS)
def test_only_admins_may_assign_own_stores(actor):
    assert ACTORS[actor].may_assign_stores(ACTORS[actor]) is (actor in {"admin", "admin elsewhere"})


@pytest.mark.parametrize("actor", ACTORS)
def test_only_managers_and_admins_may_pair_terminals(actor):
    expected = {"admin", "manager", "admin elsewhere", "manager elsewhere"}

    assert ACTORS[actor].may_pair_terminals() is (actor in expected)


@pytest.mark.parametrize(("actor", "target"), pairs(ACTORS, TARGETS))
def test_may_change_role(actor, target):
    expected = target in MAY_CHANGE_ROLE.get(actor, ())

    assert ACTORS[actor].may_change_role(TARGETS[target]) is expected


@pytest.mark.parametrize(("actor", "role"), pairs(ACTORS, Role))
def test_may_create(actor, role):
    assert ACTORS[actor].may_create(role) is (role in MAY_CREATE.get(actor, ()))


@pytest.mark.parametrize("actor", ACTORS)
def test_user_may_not_manage_themselves(actor):
    oneself = ACTORS[actor]

    assert not oneself.may_manage(oneself)
    assert not oneself.may_change_role(oneself)


@pytest.mark.parametrize("actor", ACTORS)
def test_may_sell_and_view_users(actor):
    sells = actor in {"admin", "manager", "cashier", "admin elsewhere", "manager elsewhere"}
    sees = sells and actor != "cashier"

    assert ACTORS[actor].may_sell() is sells
    assert ACTORS[actor].may_view_users() is sees


@pytest.mark.parametrize(("actor", "role"), pairs(ACTORS, Role))
def test_roles_include_lower_roles_only_for_active_shop_users(actor, role):
    build_user = ACTORS[actor]
    ladder = [Role.CASHIER, Role.MANAGER, Role.ADMIN]
    is_staff_of_a_shop = build_user.is_active and build_user.tenant is not None
    reached = ladder[: ladder.index(Role(build_user.role)) + 1] if is_staff_of_a_shop else []

    assert build_user.is_at_least(role) is (role in reached)


@pytest.mark.parametrize("actor", ACTORS)
def test_only_platform_users_are_django_staff(actor):
    assert ACTORS[actor].is_staff is (actor == "platform")


LIMITS = {
    "refund": lambda user, value: user.may_move_money("refund_amount", value),
    "paid out": lambda user, value: user.may_move_money("paid_out_amount", value),
}
# Default limits of each role in a new shop.
DEFAULTS = {
    "refund": {"cashier": "0", "manager": "1000"},
    "paid out": {"cashier": "0", "manager": "500"},
}


@pytest.mark.parametrize(("action", "actor"), pairs(LIMITS, ["cashier", "manager"]))
def test_role_may_act_up_to_its_limit(action, actor):
    limit = Decimal(DEFAULTS[action][actor])

    assert LIMITS[action](ACTORS[actor], limit)
    assert not LIMITS[action](ACTORS[actor], limit + Decimal("0.0001"))


def test_drop_is_limited_for_cashiers_only():
    for actor, limited in (("cashier", True), ("manager", False), ("admin", False)):
        assert ACTORS[actor].is_limited("drop_amount") is limited
        assert ACTORS[actor].may_move_money("drop_amount", Decimal("500.01")) is not limited
    assert ACTORS["cashier"].may_move_money("drop_amount", Decimal(500))


@pytest.mark.parametrize("action", LIMITS)
def test_admin_has_no_limit(action):
    assert LIMITS[action](ACTORS["admin"], Decimal("99999999999"))


@pytest.mark.parametrize(
    ("action", "actor"),
    pairs(LIMITS, ["sacked admin", "sacked manager", "sacked cashier", "platform", "nobody"]),
)
def test_inactive_and_platform_users_may_not_refund_or_pay_out(action, actor):
    assert not LIMITS[action](ACTORS[actor], Decimal(0))


PERCENTS = {
    "line_discount_percent": {"cashier": "10", "manager": "100"},
    "order_discount_percent": {"cashier": "10", "manager": "100"},
    "price_override_percent": {"cashier": "0", "manager": "100"},
}


@pytest.mark.parametrize(("name", "actor"), pairs(PERCENTS, ACTORS))
def test_percentage_limit_depends_on_the_role(name, actor):
    by_role = PERCENTS[name] | {"admin": None}
    expected = by_role.get(actor.removesuffix(" elsewhere"), "0")

    assert ACTORS[actor].own_limit(name) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"cashier": {"refund_amount": "20.00"}}, True),
        ({"cashier": {"refund_amount": "19.99"}}, False),
        ({"cashier": {"refund_amount": None}}, True),
        ({"manager": {"refund_amount": "20.00"}}, False),
    ],
    ids=["up to the limit", "above the limit", "no limit", "other role, so the default"],
)
def test_limits_of_the_shop_override_the_defaults(limits, expected):
    shop = Tenant(slug="own", name="Own", currency="EUR", limits=limits)

    person = build_user(Role.CASHIER, shop)

    assert person.may_move_money("refund_amount", Decimal("20.00")) is expected
