"""A shop keeps at least one active admin, also with simultaneous changes."""

import pytest

from accounts.exceptions import LastAdmin
from accounts.models import Role, User
from accounts.services.users import change_role, create_user, reset_password, set_activation
from tenants.exceptions import NotPermitted
from tenants.scope import tenant_scope
from tests.factories.accounts import PlatformUserFactory, UserFactory
from tests.factories.tenants import TenantFactory
from tests.support.api import Person
from tests.support.parallel import run_concurrently, statuses

ROUNDS = range(15)


@pytest.fixture
def second_admin(shop):
    return UserFactory(tenant=shop, username="adm2", admin=True)


def count_admins(shop) -> int:
    with tenant_scope(shop):
        return User.objects.active().admins().count()


def demote(user, by):
    return change_role(user_id=user.pk, role=Role.CASHIER, by=by)


def deactivate(user, by):
    return set_activation(user_id=user.pk, active=False, by=by)


demotion_or_deactivation = pytest.mark.parametrize(
    "change", [demote, deactivate], ids=lambda change: change.__name__
)


@demotion_or_deactivation
def test_one_of_two_admins_can_be_demoted_or_deactivated(change, in_shop, admin, second_admin):
    change(second_admin, by=admin)

    assert count_admins(in_shop) == 1


@demotion_or_deactivation
def test_last_admin_is_kept_also_for_the_platform(change, in_shop, admin):
    root = PlatformUserFactory()

    with pytest.raises(LastAdmin):
        change(admin, by=root)
    assert count_admins(in_shop) == 1


@demotion_or_deactivation
def test_inactive_and_foreign_admins_do_not_count(change, in_shop, admin, second_admin):
    root = PlatformUserFactory()
    UserFactory(tenant=TenantFactory(), admin=True)
    deactivate(second_admin, by=admin)

    with pytest.raises(LastAdmin):
        change(admin, by=root)
    assert count_admins(in_shop) == 1


@demotion_or_deactivation
def test_inactive_admin_can_be_demoted(change, in_shop, admin, second_admin):
    deactivate(second_admin, by=admin)

    change(second_admin, by=admin)

    assert count_admins(in_shop) == 1


@demotion_or_deactivation
def test_actor_demoted_meanwhile_is_refused(change, in_shop, admin, second_admin, cashier):
    """The actor's instance is outdated; the stored role counts."""
    stale = User.objects.get(pk=second_admin.pk)
    demote(second_admin, by=admin)

    with pytest.raises(NotPermitted):
        change(admin, by=stale)
    with pytest.raises(NotPermitted):
        reset_password(user_id=cashier.pk, by=stale)
    with pytest.raises(NotPermitted):
        create_user(username="new", role=Role.CASHIER, by=stale)
    assert count_admins(in_shop) == 1
    assert not User.objects.filter(username="new").exists()


DEMOTION = ("PUT", "role/", {"role": "cashier"})
DEACTIVATION = ("DELETE", "activation/", None)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", [DEMOTION, DEACTIVATION], ids=["demote", "deactivate"])
@pytest.mark.parametrize("second", [DEMOTION, DEACTIVATION], ids=["demote", "deactivate"])
@pytest.mark.slow
def test_attack_080_two_admins_changing_each_other_leave_one_admin(first, second, shop):
    for _ in ROUNDS:
        left, right = (Person(UserFactory(tenant=shop, admin=True)) for _ in range(2))

        answers = run_concurrently(
            [build_attack(left, right, first), build_attack(right, left, second)]
        )

        # 403: demoted before the change; 401: demoted before the token was read.
        counted = statuses(answers)
        assert counted[200] == 1
        assert set(counted) <= {200, 401, 403}
        assert count_admins(shop) == 1
        with tenant_scope(shop):
            User.objects.update(is_active=False)


def build_attack(actor, target, change):
    method, suffix, body = change
    return lambda: actor.send(method, f"users/{target.user.pk}/{suffix}", body, If_Match="*")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_simultaneous_demotions_by_the_platform_leave_one_admin(shop):
    """The changes affect different rows, so only the lock on the shop serializes them."""
    roots = [PlatformUserFactory() for _ in range(2)]
    for _ in ROUNDS:
        left, right = (UserFactory(tenant=shop, admin=True) for _ in range(2))

        outcomes = run_concurrently(
            [build_demotion(left, roots[0]), build_demotion(right, roots[1])]
        )

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastAdmin", "User"]
        assert count_admins(shop) == 1
        with tenant_scope(shop):
            User.objects.update(is_active=False)


def build_demotion(user, by):
    def work():
        with tenant_scope(user.tenant):
            return demote(user, by)

    return work


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_attack_080_admins_demoting_each_other_in_a_circle_leave_one_admin(shop):
    circle = [Person(UserFactory(tenant=shop, admin=True)) for _ in range(6)]
    targets = [*circle[1:], circle[0]]

    run_concurrently([build_attack(*pair, DEMOTION) for pair in zip(circle, targets, strict=True)])

    assert count_admins(shop) >= 1
