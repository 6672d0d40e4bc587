"""Who may do what to whom: the whole table, on people who were never saved."""

from collections.abc import Iterable
from decimal import Decimal
from itertools import product
from typing import Any

import pytest

from accounts.models import Role, User
from tenants.models import Tenant

OURS = Tenant(slug="ours", name="Ours", currency="EUR")
THEIRS = Tenant(slug="theirs", name="Theirs", currency="EUR")


def person(role: str, tenant: Tenant | None = OURS, *, is_active: bool = True) -> User:
    return User(tenant=tenant, role=role, is_active=is_active, is_superuser=tenant is None)


def pairs(first: Iterable[Any], second: Iterable[Any]) -> list[tuple[Any, Any]]:
    return list(product(first, second))


ACTORS = {
    "admin": person(Role.ADMIN),
    "manager": person(Role.MANAGER),
    "cashier": person(Role.CASHIER),
    "sacked admin": person(Role.ADMIN, is_active=False),
    "sacked manager": person(Role.MANAGER, is_active=False),
    "sacked cashier": person(Role.CASHIER, is_active=False),
    "admin elsewhere": person(Role.ADMIN, THEIRS),
    "manager elsewhere": person(Role.MANAGER, THEIRS),
    "platform": person("", None),
    "sacked platform": person("", None, is_active=False),
    "nobody": User(),
}
# Each target is somebody else than the actor of the same name.
TARGETS = {
    "an admin": person(Role.ADMIN),
    "a manager": person(Role.MANAGER),
    "a cashier": person(Role.CASHIER),
    "a sacked admin": person(Role.ADMIN, is_active=False),
    "a sacked manager": person(Role.MANAGER, is_active=False),
    "a sacked cashier": person(Role.CASHIER, is_active=False),
    "an admin elsewhere": person(Role.ADMIN, THEIRS),
    "a manager elsewhere": person(Role.MANAGER, THEIRS),
    "a cashier elsewhere": person(Role.CASHIER, THEIRS),
    "the platform": person("", None),
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
def test_who_may_manage_whom(actor, target):
    expected = target in MAY_MANAGE.get(actor, ())

    assert ACTORS[actor].may_manage(TARGETS[target]) is expected


@pytest.mark.parametrize(("actor", "target"), pairs(ACTORS, TARGETS))
def test_who_may_log_out_whom(actor, target):
    expected = target in MAY_MANAGE.get(actor, ())

    assert ACTORS[actor].may_log_out(TARGETS[target]) is expected


@pytest.mark.parametrize("actor", ACTORS)
def test_everybody_who_is_in_may_log_oneself_out(actor):
    assert ACTORS[actor].may_log_out(ACTORS[actor]) is ACTORS[actor].is_active


@pytest.mark.parametrize(("actor", "target"), pairs(ACTORS, TARGETS))
def test_who_may_set_whose_pin_and_say_where_they_work(actor, target):
    expected = target in MAY_MANAGE.get(actor, ())

    assert ACTORS[actor].may_set_pin(TARGETS[target]) is expected
    assert ACTORS[actor].may_assign_stores(TARGETS[target]) is expected


@pytest.mark.parametrize("actor", ACTORS)
def test_everybody_who_is_in_has_a_pin_of_their_own(actor):
    assert ACTORS[actor].may_set_pin(ACTORS[actor]) is ACTORS[actor].is_active


@pytest.mark.parametrize("actor", ACTORS)
def test_only_admins_say_where_they_work_themselves(actor):
    assert ACTORS[actor].may_assign_stores(ACTORS[actor]) is (actor in {"admin", "admin elsewhere"})


@pytest.mark.parametrize("actor", ACTORS)
def test_managers_and_admins_pair_devices(actor):
    expected = {"admin", "manager", "admin elsewhere", "manager elsewhere"}

    assert ACTORS[actor].may_pair_terminals() is (actor in expected)


@pytest.mark.parametrize(("actor", "target"), pairs(ACTORS, TARGETS))
def test_who_may_change_whose_role(actor, target):
    expected = target in MAY_CHANGE_ROLE.get(actor, ())

    assert ACTORS[actor].may_change_role(TARGETS[target]) is expected


@pytest.mark.parametrize(("actor", "role"), pairs(ACTORS, Role))
def test_who_may_hire_whom(actor, role):
    assert ACTORS[actor].may_create(role) is (role in MAY_CREATE.get(actor, ()))


@pytest.mark.parametrize("actor", ACTORS)
def test_nobody_manages_himself(actor):
    oneself = ACTORS[actor]

    assert not oneself.may_manage(oneself)
    assert not oneself.may_change_role(oneself)


@pytest.mark.parametrize("actor", ACTORS)
def test_who_may_sell_and_who_may_see_the_staff(actor):
    sells = actor in {"admin", "manager", "cashier", "admin elsewhere", "manager elsewhere"}
    sees = sells and actor != "cashier"

    assert ACTORS[actor].may_sell() is sells
    assert ACTORS[actor].may_view_users() is sees


@pytest.mark.parametrize(("actor", "role"), pairs(ACTORS, Role))
def test_each_role_holds_those_before_it_and_only_while_active_in_a_shop(actor, role):
    person = ACTORS[actor]
    ladder = [Role.CASHIER, Role.MANAGER, Role.ADMIN]
    is_staff_of_a_shop = person.is_active and person.tenant is not None
    reached = ladder[: ladder.index(Role(person.role)) + 1] if is_staff_of_a_shop else []

    assert person.is_at_least(role) is (role in reached)


@pytest.mark.parametrize("actor", ACTORS)
def test_only_the_platform_opens_the_admin(actor):
    assert ACTORS[actor].is_staff is (actor == "platform")


LIMITS = {
    "refund": lambda user, value: user.may_refund(value),
    "paid out": lambda user, value: user.may_move_money("paid_out_amount", value),
}
# The most that each role may do alone in a new shop.
DEFAULTS = {
    "refund": {"cashier": "0", "manager": "1000"},
    "paid out": {"cashier": "0", "manager": "500"},
}


@pytest.mark.parametrize(("deed", "actor"), pairs(LIMITS, ["cashier", "manager"]))
def test_a_role_goes_to_its_limit_and_no_step_further(deed, actor):
    most = Decimal(DEFAULTS[deed][actor])

    assert LIMITS[deed](ACTORS[actor], most)
    assert not LIMITS[deed](ACTORS[actor], most + Decimal("0.0001"))


def test_a_drop_is_limited_for_cashiers_alone():
    for actor, limited in (("cashier", True), ("manager", False), ("admin", False)):
        assert ACTORS[actor].is_limited("drop_amount") is limited
        assert ACTORS[actor].may_move_money("drop_amount", Decimal("500.01")) is not limited
    assert ACTORS["cashier"].may_move_money("drop_amount", Decimal(500))


@pytest.mark.parametrize("deed", LIMITS)
def test_an_admin_has_no_limit(deed):
    assert LIMITS[deed](ACTORS["admin"], Decimal("99999999999"))


@pytest.mark.parametrize(
    ("deed", "actor"),
    pairs(LIMITS, ["sacked admin", "sacked manager", "sacked cashier", "platform", "nobody"]),
)
def test_who_does_not_sell_gives_nothing_away(deed, actor):
    assert not LIMITS[deed](ACTORS[actor], Decimal(0))


PERCENTS = {
    "line_discount_percent": {"cashier": "10", "manager": "100"},
    "order_discount_percent": {"cashier": "10", "manager": "100"},
    "price_override_percent": {"cashier": "0", "manager": "100"},
}


@pytest.mark.parametrize(("name", "actor"), pairs(PERCENTS, ACTORS))
def test_a_limit_in_percent_is_that_of_the_role(name, actor):
    by_role = PERCENTS[name] | {"admin": None}
    expected = by_role.get(actor.removesuffix(" elsewhere"), "0")

    assert ACTORS[actor].own_limit(name) == (None if expected is None else Decimal(expected))


@pytest.mark.parametrize(
    ("limits", "expected"),
    [
        ({"cashier": {"refund_amount": "20.00"}}, True),
        ({"cashier": {"refund_amount": "19.99"}}, False),
        ({"cashier": {"refund_amount": None}}, True),
        ({"manager": {"refund_amount": "0"}}, True),
    ],
    ids=["up to it", "above it", "no limit", "not named"],
)
def test_a_shop_sets_its_own_limits(limits, expected):
    shop = Tenant(slug="own", name="Own", currency="EUR", limits=limits)

    assert person(Role.CASHIER, shop).may_refund(Decimal("20.00")) is expected
