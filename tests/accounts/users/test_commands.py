"""Management commands for shops and users."""

import io
import json
import re
import sys
from datetime import UTC, datetime

import pytest
from django.core.exceptions import ValidationError
from django.core.management import CommandError, call_command

from accounts.models import User
from tenants.models import Register, Store, Tenant
from tenants.scope import across_tenants, tenant_scope
from tests.factories.accounts import PlatformUserFactory, UserFactory
from tests.support.api import Api

PASSWORD = "seven green bottles"
SHOP = [
    "--slug=corner",
    "--name=Corner Shop",
    "--currency=EUR",
    "--admin-username=owner",
    "--admin-email=o@corner.example",
]
NEW_USER = ["--tenant=green", "--username=new", "--role=cashier"]


class Terminal(io.StringIO):
    """Standard input that is a terminal."""

    def isatty(self):
        return True


@pytest.fixture(autouse=True)
def disable_prompts(monkeypatch, db):
    monkeypatch.setattr(sys, "stdin", io.StringIO())
    monkeypatch.delenv("TILL_PASSWORD", raising=False)


@pytest.fixture
def prompt_answers(monkeypatch):
    """Return a function that sets the answers to the password prompts."""

    def answers(*words):
        remaining = iter(words)
        monkeypatch.setattr(sys, "stdin", Terminal())
        monkeypatch.setattr("accounts.management.terminal.getpass", lambda _: next(remaining))

    return answers


def run(*arguments):
    out = io.StringIO()
    call_command(*arguments, stdout=out)
    return out.getvalue()


def log_in(tenant, username, password):
    body = {"tenant": tenant, "username": username, "password": password}
    return Api().post("auth/token/", body)


def count_users():
    with across_tenants():
        return User.objects.count()


# --- create_tenant ----------------------------------------------------------------------------


def test_create_tenant_creates_store_register_and_admin_with_temporary_password():
    printed = run("create_tenant", *SHOP, "--timezone=Europe/Berlin")

    temporary = printed.split()[-1]
    user = log_in("corner", "owner", temporary).json()["user"]
    assert printed.startswith("Opened corner with the admin owner.")
    assert (user["role"], user["email"]) == ("admin", "o@corner.example")
    assert user["must_change_password"] is True
    shop = Tenant.objects.get()
    assert (shop.name, shop.currency, shop.timezone) == ("Corner Shop", "EUR", "Europe/Berlin")
    with tenant_scope(shop):
        assert (Store.objects.get().name, Register.objects.get().number) == ("Main", 1)


@pytest.mark.parametrize("way", ["environment", "standard input", "prompt"])
@pytest.mark.parametrize(
    "command", [["create_tenant", *SHOP], ["create_user", *NEW_USER]], ids=lambda it: it[0]
)
def test_password_is_read_from_environment_input_or_prompt_and_not_printed(
    command, way, shop, monkeypatch, prompt_answers
):
    arguments = []
    if way == "environment":
        monkeypatch.setenv("TILL_PASSWORD", PASSWORD)
    elif way == "prompt":
        prompt_answers(PASSWORD, PASSWORD)
    else:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{PASSWORD}\nmore\n"))
        arguments = ["--password-stdin"]

    printed = run(*command, *arguments)

    where = ("corner", "owner") if command[0] == "create_tenant" else ("green", "new")
    assert PASSWORD not in printed
    assert "password" not in printed.lower()
    assert log_in(*where, PASSWORD).json()["user"]["must_change_password"] is False


def test_blanks_around_a_password_are_kept(shop, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.StringIO("  two blanks  \r\n"))

    run("create_user", *NEW_USER, "--password-stdin")

    assert log_in("green", "new", "  two blanks  ").status_code == 200


def test_empty_answer_creates_a_temporary_password(shop, prompt_answers):
    prompt_answers("")

    assert "Temporary password" in run("create_user", *NEW_USER)


def test_different_password_answers_are_rejected(shop, prompt_answers):
    prompt_answers(PASSWORD, PASSWORD + " ")

    with pytest.raises(CommandError, match="differ"):
        run("create_user", *NEW_USER)
    assert count_users() == 0


def test_empty_standard_input_is_rejected(shop):
    with pytest.raises(CommandError, match="no password"):
        run("create_user", *NEW_USER, "--password-stdin")
    assert count_users() == 0


@pytest.mark.parametrize(
    "command", [["create_tenant", *SHOP], ["create_user", *NEW_USER]], ids=lambda it: it[0]
)
def test_password_argument_is_rejected(command, shop):
    with pytest.raises(CommandError, match="argument"):
        run(*command, f"--password={PASSWORD}")
    assert count_users() == 0


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("--slug=admin", "slug: This name is reserved. Choose another one."),
        ("--slug=Corner", "slug: Enter 3 to 63 characters"),
        ("--currency=XXX", "currency: Must be a currency code"),
        ("--timezone=Mars/Olympus", "timezone: Must be a time zone"),
        ("--admin-username=x y", "username: Use 2 to 32 of"),
        ("--admin-email=nobody", "email: Enter an e-mail address such as ann@shop.example."),
    ],
)
def test_invalid_tenant_option_is_rejected_with_its_reason(change, reason):
    with pytest.raises(CommandError, match=reason):
        run("create_tenant", *SHOP, change)
    assert not Tenant.objects.exists()


def test_weak_password_is_rejected(monkeypatch):
    monkeypatch.setenv("TILL_PASSWORD", "short")

    with pytest.raises(CommandError, match=r"admin\.password: Use at least 15 characters"):
        run("create_tenant", *SHOP)
    assert not Tenant.objects.exists()


def test_taken_slug_is_rejected(shop):
    with pytest.raises(CommandError, match="This name is already taken"):
        run("create_tenant", *SHOP, "--slug=green")
    assert Tenant.objects.count() == 1


# --- create_user ------------------------------------------------------------------------------


def test_create_user_prints_a_temporary_password(shop):
    printed = run("create_user", *NEW_USER, "--email=n@green.example", "--display-name=Zoë")

    user = log_in("green", "new", printed.split()[-1]).json()["user"]
    assert printed.startswith("Created the cashier new of green.")
    assert user["must_change_password"] is True
    assert (user["email"], user["display_name"]) == ("n@green.example", "Zoë")


@pytest.mark.parametrize("role", ["cashier", "manager", "admin"])
def test_create_user_accepts_every_role(role, shop):
    run("create_user", *NEW_USER, f"--role={role}")

    with tenant_scope(shop):
        assert User.objects.get_queryset().get().role == role


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ("--tenant=nowhere", "There is no tenant nowhere."),
        ("--username=c1", "This username is taken."),
        ("--username=C1", "This username is taken."),
        ("--username=x y", "username: Use 2 to 32 of"),
        ("--email=c1@green.example", "This e-mail address is taken."),
        ("--role=boss", "invalid choice"),
    ],
)
def test_invalid_user_option_is_rejected_with_its_reason(change, reason, cashier):
    with pytest.raises(CommandError, match=reason):
        run("create_user", *NEW_USER, change)
    assert count_users() == 1


# --- list_users -------------------------------------------------------------------------------


@pytest.fixture
def _staff(admin, manager, cashier, shop, foreign):
    UserFactory(tenant=shop, username="gone", is_active=False)
    PlatformUserFactory()


@pytest.mark.usefixtures("_staff")
@pytest.mark.parametrize(
    ("options", "names"),
    [
        ([], ["adm", "c1", "mgr"]),
        (["--role=cashier"], ["c1"]),
        (["--inactive"], ["gone"]),
        (["--inactive", "--role=admin"], []),
    ],
)
def test_list_users_lists_one_shop_with_filters(options, names):
    printed = run("list_users", "--tenant=green", *options)
    as_json = run("list_users", "--tenant=green", "--json", *options)

    assert [line.split("\t")[0] for line in printed.splitlines()] == names
    assert [user["username"] for user in json.loads(as_json)] == names
    assert "LEAKMARK" not in printed + as_json


def test_list_users_as_json_contains_no_secrets(cashier):
    with across_tenants():
        User.objects.update(last_login=datetime(2026, 1, 2, tzinfo=UTC))

    (user,) = json.loads(run("list_users", "--tenant=green", "--json"))

    assert user == {
        "id": str(cashier.pk),
        "username": "c1",
        "display_name": cashier.display_name,
        "email": "c1@green.example",
        "role": "cashier",
        "is_active": True,
        "must_change_password": False,
        "last_login": "2026-01-02T00:00:00Z",
    }


def test_list_users_needs_an_existing_shop():
    with pytest.raises(CommandError, match="--tenant"):
        run("list_users")
    with pytest.raises(CommandError, match="There is no tenant nowhere"):
        run("list_users", "--tenant=nowhere")


# --- createsuperuser --------------------------------------------------------------------------


def create_superuser(monkeypatch, username="root", password=PASSWORD):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", password)
    return run(
        "createsuperuser",
        "--noinput",
        f"--username={username}",
        "--email=root@till.example",
    )


def test_createsuperuser_creates_a_platform_user(monkeypatch, client):
    create_superuser(monkeypatch)

    root = User.objects.get_by_natural_key("root")
    assert (root.tenant, root.role, root.is_superuser, root.is_staff) == (None, "", True, True)
    assert client.login(username="root", password=PASSWORD)
    assert log_in("green", "root", PASSWORD).status_code == 401


def test_createsuperuser_accepts_a_username_of_a_shop(monkeypatch, cashier):
    create_superuser(monkeypatch, username="c1")

    assert count_users() == 2


@pytest.mark.parametrize("username", ["root", "ROOT", "x y"])
def test_createsuperuser_rejects_taken_or_invalid_usernames(username, monkeypatch):
    PlatformUserFactory(username="root")

    with pytest.raises(CommandError):
        create_superuser(monkeypatch, username=username)
    assert count_users() == 1


@pytest.mark.parametrize(
    "password", ["short", "", "fourteen chars", "1q2w3e4r5t6y7u8i9o0p", "landlord1234567"]
)
def test_createsuperuser_rejects_weak_passwords_without_a_prompt(monkeypatch, password):
    with pytest.raises(CommandError):
        create_superuser(monkeypatch, username="landlord", password=password)

    assert not User.objects.filter(tenant=None).exists()


def test_createsuperuser_prompt_cannot_bypass_password_rules(monkeypatch):
    monkeypatch.setattr(sys, "stdin", Terminal())
    monkeypatch.setattr("getpass.getpass", lambda *_, **__: "short")
    answers = {"Username": "root", "Email": "root@till.example", "Bypass": "y"}
    monkeypatch.setattr("builtins.input", lambda prompt: answers[re.split(r"[ :]", prompt)[0]])

    with pytest.raises(CommandError):
        run("createsuperuser", f"--username={answers['Username']}", "--email=root@till.example")

    assert not User.objects.filter(tenant=None).exists()


def test_superuser_without_a_password_cannot_log_in(monkeypatch):
    monkeypatch.delenv("DJANGO_SUPERUSER_PASSWORD", raising=False)
    run("createsuperuser", "--noinput", "--username=root", "--email=root@till.example")

    assert not User.objects.get(tenant=None).has_usable_password()


# --- email addresses and usernames -------------------------------------------------------------

PLATFORM = ["createsuperuser", "--noinput", "--username=chief"]


@pytest.mark.parametrize("email", ["root@localhost", "a@[127.0.0.1]", "jürgen@green.example"])
@pytest.mark.parametrize(
    "command",
    [
        ["create_user", *NEW_USER, "--email={}"],
        ["create_tenant", *SHOP[:-1], "--admin-email={}"],
        [*PLATFORM, "--email={}"],
    ],
    ids=lambda it: it[0],
)
def test_commands_reject_invalid_email_addresses(command, email, shop, monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)
    before = count_users(), Tenant.objects.count()

    with pytest.raises((CommandError, ValidationError), match=r"e-mail|before the @"):
        run(*(argument.format(email) for argument in command))

    assert (count_users(), Tenant.objects.count()) == before


def test_create_test_user_rejects_an_invalid_email_domain(shop, settings):
    settings.DEBUG = True

    with pytest.raises(CommandError, match="e-mail"):
        run("create_test_user", "--tenant=green", "--role=cashier", "--domain=localhost")

    assert count_users() == 0


@pytest.mark.parametrize(
    ("command", "tenant", "name"),
    [
        (
            ["create_user", *NEW_USER[:1], "--username=\uff2e\uff45\uff57", "--role=cashier"],
            "green",
            "New",
        ),
        (["create_tenant", *SHOP[:3], "--admin-username=\uff2fwner", SHOP[-1]], "corner", "Owner"),
    ],
)
def test_commands_normalize_usernames_to_nfkc(command, tenant, name, shop, monkeypatch):
    monkeypatch.setenv("TILL_PASSWORD", PASSWORD)

    run(*command)

    with across_tenants():
        assert User.objects.get().username == name
    wide = "".join(chr(ord(letter) + 0xFEE0) for letter in name)
    for typed_name in (name, wide, wide.upper()):
        assert log_in(tenant, typed_name, PASSWORD).status_code == 200


def test_createsuperuser_normalizes_usernames_to_nfkc(monkeypatch):
    monkeypatch.setenv("DJANGO_SUPERUSER_PASSWORD", PASSWORD)

    run("createsuperuser", "--noinput", "--username=\uff23hief", "--email=Chief@Bücher.example")

    with across_tenants():
        user = User.objects.get()
    assert (user.username, user.username_key) == ("Chief", "chief")
    assert user.email == "Chief@xn--bcher-kva.example"
