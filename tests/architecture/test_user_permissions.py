"""Attack 176: permissions between users of a shop on every route, as the models decide.

The rules of the models are tested separately; here every route must apply them.
"""

from itertools import product as every

import pytest

from accounts.models import Role, User
from tenants.scope import tenant_scope
from tests.architecture.test_permissions import BY_NAME, STAFF, TABLE, call
from tests.factories.accounts import UserFactory
from tests.support.api import Person
from tests.support.problems import assert_problem

pytestmark = pytest.mark.once

TARGETS = ("self", "cashier", "manager", "admin", "foreign")
RULES = {
    ("get", "user-detail"): lambda actor, target: actor.may_view_users(),
    ("patch", "user-detail"): lambda actor, target: actor == target or actor.may_manage(target),
    ("put", "user-activation"): User.may_manage,
    ("delete", "user-activation"): User.may_manage,
    ("post", "user-reset-password"): User.may_manage,
    ("put", "user-role"): User.may_change_role,
    ("put", "user-pin"): User.may_set_pin,
    ("delete", "user-pin"): User.may_set_pin,
    ("get", "user-sessions"): User.may_log_out,
    ("delete", "user-sessions"): User.may_log_out,
}
# Valid bodies.
VALID_BODIES = {("put", "user-role"): {"role": "cashier"}, ("put", "user-pin"): {"pin": "802417"}}


@pytest.fixture
def find_target(shop, other_shop, foreign):
    """Return a function that finds a target by word; the shop has a second admin."""

    def find(word, actor):
        if word == "self":
            return actor
        if word == "foreign":
            return foreign.cashier
        return UserFactory(tenant=shop, role=word)

    UserFactory(tenant=shop, admin=True)
    return find


def test_every_user_route_has_a_rule():
    about = {(method, name) for method, name in TABLE if name.startswith("user-")}
    about = {(method, name) for method, name in about if "<uuid:pk>" in BY_NAME[name].path}

    assert about == set(RULES)


@pytest.mark.parametrize(("who", "whose"), list(every(sorted(STAFF), TARGETS)))
@pytest.mark.parametrize(("method", "name"), sorted(RULES))
def test_attack_176_route_applies_the_rule_of_the_model(
    method, name, who, whose, shop, find_target
):
    actor = UserFactory(tenant=shop, role=Role(who))
    target = find_target(whose, actor)
    with tenant_scope(shop):
        may = RULES[method, name](actor, target)

    response = call(Person(actor), method, name, target.pk, VALID_BODIES.get((method, name)))

    if who not in TABLE[method, name]:
        assert_problem(response, 403, "permission_denied")
    elif whose == "foreign":
        assert_problem(response, 404, "not_found")
    elif may:
        assert response.status_code in {200, 204}, response.content
    else:
        assert_problem(response, 403, "permission_denied")


@pytest.mark.parametrize(("who", "whose"), list(every(sorted(STAFF), TARGETS)))
def test_attack_176_only_own_sessions_can_be_ended_by_id(who, whose, shop, find_target):
    actor = UserFactory(tenant=shop, role=Role(who))
    client, other = Person(actor), Person(find_target(whose, actor))

    response = call(client, "delete", "session-detail", other.session.pk)

    if whose == "self":
        assert response.status_code == 204
    else:
        assert_problem(response, 404, "not_found")
        assert other.get("auth/me/").status_code == 200
