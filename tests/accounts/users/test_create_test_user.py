"""The command `create_test_user`, which creates a user with an unused name."""

from io import StringIO

import pytest
from django.core.management import CommandError, call_command

from accounts.models import AuthSession, User
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import AuthSessionFactory, UserFactory
from tests.support.audit import list_audit_events
from tests.support.parallel import run_times
from tests.support.users import can_log_in, snapshot_users


@pytest.fixture(autouse=True)
def enable_test_users(settings):
    settings.DEBUG = True


def create(**options):
    """Return the lines that the command prints."""
    output = StringIO()
    call_command("create_test_user", stdout=output, **({"tenant": "green"} | options))
    return output.getvalue().splitlines()


def list_usernames(shop):
    with tenant_scope(shop):
        return set(User.objects.get_queryset().values_list("username", flat=True))


def test_printed_credentials_work(shop):
    created, address, password = create(role="manager")

    assert created == "Created the manager test1 of green."
    assert address == "E-mail address: test1@till.example"
    secret = password.removeprefix("Password, shown this once: ")
    assert can_log_in(secret, username="test1")
    with tenant_scope(shop):
        user = User.objects.get_queryset().get()
    assert (user.role, user.email, user.must_change_password) == (
        "manager",
        "test1@till.example",
        False,
    )
    assert list_audit_events("user_created")[0].target == user.pk


def test_next_free_number_is_used(shop):
    UserFactory(tenant=shop, username="TEST1")
    UserFactory(tenant=shop, username="other", email="Test2@till.example")
    UserFactory(tenant=shop, username="test4")

    for _ in range(3):
        create(role="cashier")

    assert list_usernames(shop) == {"TEST1", "other", "test4", "test3", "test5", "test6"}


def test_similar_usernames_do_not_occupy_a_number(shop):
    for name in ("tester1", "test01", "test1x", "atest1", "test"):
        UserFactory(tenant=shop, username=name)

    assert create(role="cashier")[0] == "Created the cashier test1 of green."


@pytest.mark.parametrize(("prefix", "taken"), [("te_t", "test1"), ("t.st", "test1")])
def test_attack_173_prefix_is_matched_literally(prefix, taken, shop):
    UserFactory(tenant=shop, username=taken)

    create(role="cashier", prefix=prefix)

    assert list_usernames(shop) == {taken, f"{prefix}1"}


@pytest.mark.parametrize("prefix", ["te%t_", "te t", "", "é", "x" * 32])
def test_attack_173_invalid_prefix_is_rejected(prefix, shop):
    UserFactory(tenant=shop, username="test1")
    before = snapshot_users()

    with pytest.raises(CommandError, match="username: "):
        create(role="cashier", prefix=prefix)
    assert snapshot_users() == before


def test_usernames_of_another_shop_do_not_occupy_a_number(shop, other_shop):
    UserFactory(tenant=other_shop, username="test1", email="test1@till.example")

    assert create(role="cashier")[0] == "Created the cashier test1 of green."


# --- e-mail address, name and password of one's own -------------------------------------------

EMAIL, PASSWORD = "ada@green.example", "nine purple herons fly"


@pytest.fixture
def typed(monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO(f"{PASSWORD}\n"))


def load_user(shop):
    with tenant_scope(shop):
        return User.objects.get_queryset().get(email=EMAIL)


def test_given_address_name_and_password_are_used(shop, typed):
    lines = create(role="manager", email=EMAIL, full_name="Ada Byron", password_stdin=True)

    assert lines == [
        "Created the manager test1 of green.",
        f"E-mail address: {EMAIL}",
        "Full name: Ada Byron",
    ]
    assert can_log_in(PASSWORD, username="test1")
    assert load_user(shop).display_name == "Ada Byron"


def test_existing_user_is_printed_and_not_changed(shop, typed):
    UserFactory(tenant=shop, username="ada", email=EMAIL, role="cashier", display_name="Ada")
    before = snapshot_users()

    lines = create(role="manager", email="ADA@green.example", password_stdin=True)

    assert lines == [
        "Nothing changed. There is already the cashier ada of green.",
        f"E-mail address: {EMAIL}",
        "Full name: Ada",
    ]
    assert snapshot_users() == before


@pytest.mark.parametrize("name", ["Ada Byron", ""])
def test_forced_command_changes_role_name_and_password(name, shop, typed):
    user = UserFactory(tenant=shop, username="ada", email=EMAIL, display_name="Ada")
    session = AuthSessionFactory(user=user)
    with tenant_scope(shop):
        User.objects.get_queryset().update(is_active=False)

    lines = create(role="manager", email=EMAIL, full_name=name, password_stdin=True, force=True)

    assert lines[0] == "Changed the manager ada of green."
    changed = load_user(shop)
    assert (changed.role, changed.display_name) == ("manager", name or "Ada")
    assert can_log_in(PASSWORD, username="ada")
    with across_tenants():
        assert AuthSession.objects.get(pk=session.pk).revoked_at is not None
    for event in ("password_reset", "role_changed", "user_activated"):
        assert list_audit_events(event)[0].target == user.pk


def test_forced_command_makes_a_password_if_none_is_given(shop):
    UserFactory(tenant=shop, username="ada", email=EMAIL)

    secret = create(role="cashier", email=EMAIL, force=True)[-1]

    assert can_log_in(secret.removeprefix("Password, shown this once: "), username="ada")


def test_forced_command_without_an_existing_user_creates_one(shop):
    assert create(role="cashier", email=EMAIL, force=True)[0] == (
        "Created the cashier test1 of green."
    )


def test_last_admin_keeps_the_role_also_by_force(shop):
    UserFactory(tenant=shop, username="ada", email=EMAIL, role="admin")
    before = snapshot_users()

    with pytest.raises(CommandError):
        create(role="cashier", email=EMAIL, force=True)
    assert snapshot_users() == before


@pytest.mark.parametrize(("typed_text", "match"), [("", "no password"), ("short\n", "password: ")])
def test_missing_or_weak_password_is_rejected(typed_text, match, shop, monkeypatch):
    monkeypatch.setattr("sys.stdin", StringIO(typed_text))

    with pytest.raises(CommandError, match=match):
        create(role="manager", email=EMAIL, password_stdin=True)
    assert snapshot_users() == []


@pytest.mark.parametrize("role", ["root", "", "Admin"])
def test_unknown_role_is_rejected(role, shop):
    with pytest.raises(CommandError, match="role"):
        call_command("create_test_user", "--tenant=green", f"--role={role}")
    assert snapshot_users() == []


def test_unknown_tenant_is_rejected(db):
    with pytest.raises(CommandError, match="There is no tenant green"):
        create(role="cashier")


def test_attack_173_command_is_refused_without_debug(shop, settings):
    settings.DEBUG = False

    with pytest.raises(CommandError, match="while DEBUG is on"):
        create(role="admin")
    assert snapshot_users() == []


@pytest.mark.race
@pytest.mark.django_db(transaction=True)
def test_attack_173_twenty_simultaneous_commands_create_twenty_users(shop):
    outcomes = run_times(20, lambda: create(role="cashier"))

    assert len({outcome[0] for outcome in outcomes}) == 20
    assert list_usernames(shop) == {f"test{number}" for number in range(1, 21)}
