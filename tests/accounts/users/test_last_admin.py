"""A shop always has an active admin, also when two of them act at the same moment."""

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


def admins(shop) -> int:
    with tenant_scope(shop):
        return User.objects.active().admins().count()


def demote(user, by):
    return change_role(user=user, role=Role.CASHIER, by=by)


def let_go(user, by):
    return set_activation(user=user, active=False, by=by)


either = pytest.mark.parametrize("deed", [demote, let_go], ids=lambda deed: deed.__name__)


@either
def test_one_of_two_admins_may_go(deed, in_shop, admin, second_admin):
    deed(second_admin, by=admin)

    assert admins(in_shop) == 1


@either
def test_the_last_one_stays_though_the_platform_itself_asks(deed, in_shop, admin):
    root = PlatformUserFactory()

    with pytest.raises(LastAdmin):
        deed(admin, by=root)
    assert admins(in_shop) == 1


@either
def test_inactive_admins_and_those_of_other_shops_do_not_count(deed, in_shop, admin, second_admin):
    root = PlatformUserFactory()
    UserFactory(tenant=TenantFactory(), admin=True)
    let_go(second_admin, by=admin)

    with pytest.raises(LastAdmin):
        deed(admin, by=root)
    assert admins(in_shop) == 1


@either
def test_an_inactive_admin_may_go_before_the_last(deed, in_shop, admin, second_admin):
    let_go(second_admin, by=admin)

    deed(second_admin, by=admin)

    assert admins(in_shop) == 1


@either
def test_who_was_demoted_meanwhile_has_no_say_any_more(deed, in_shop, admin, second_admin, cashier):
    """The actor's object is from before: what counts is what he is now."""
    stale = User.objects.get(pk=second_admin.pk)
    demote(second_admin, by=admin)

    with pytest.raises(NotPermitted):
        deed(admin, by=stale)
    with pytest.raises(NotPermitted):
        reset_password(user=cashier, by=stale)
    with pytest.raises(NotPermitted):
        create_user(username="new", role=Role.CASHIER, by=stale)
    assert admins(in_shop) == 1
    assert not User.objects.filter(username="new").exists()


DEMOTION = ("PUT", "role/", {"role": "cashier"})
DISMISSAL = ("DELETE", "activation/", None)


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("first", [DEMOTION, DISMISSAL], ids=["demote", "let go"])
@pytest.mark.parametrize("second", [DEMOTION, DISMISSAL], ids=["demote", "let go"])
def test_attack_080_of_two_admins_who_send_each_other_down_one_stays(first, second, shop):
    for _ in ROUNDS:
        left, right = (Person(UserFactory(tenant=shop, admin=True)) for _ in range(2))

        answers = run_concurrently([attack(left, right, first), attack(right, left, second)])

        # 403: demoted when his turn came; 401: already when his token was read.
        counted = statuses(answers)
        assert counted[200] == 1
        assert set(counted) <= {200, 401, 403}
        assert admins(shop) == 1
        with tenant_scope(shop):
            User.objects.update(is_active=False)


def attack(actor, target, deed):
    method, suffix, body = deed
    return lambda: actor.send(method, f"users/{target.user.pk}/{suffix}", body, If_Match="*")


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_two_of_the_platform_at_once_leave_one_too(shop):
    """Neither touches the other's row: only the lock on the shop keeps them apart."""
    roots = [PlatformUserFactory() for _ in range(2)]
    for _ in ROUNDS:
        left, right = (UserFactory(tenant=shop, admin=True) for _ in range(2))

        outcomes = run_concurrently([sent_down(left, roots[0]), sent_down(right, roots[1])])

        assert sorted(type(outcome).__name__ for outcome in outcomes) == ["LastAdmin", "User"]
        assert admins(shop) == 1
        with tenant_scope(shop):
            User.objects.update(is_active=False)


def sent_down(user, by):
    def work():
        with tenant_scope(user.tenant):
            return demote(user, by)

    return work


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_attack_080_however_many_send_each_other_down_one_stays(shop):
    circle = [Person(UserFactory(tenant=shop, admin=True)) for _ in range(6)]
    targets = [*circle[1:], circle[0]]

    run_concurrently([attack(*pair, DEMOTION) for pair in zip(circle, targets, strict=True)])

    assert admins(shop) >= 1
