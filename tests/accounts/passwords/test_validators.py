"""What a new password must be."""

import pytest
from django.contrib.auth.password_validation import (
    password_validators_help_texts,
    validate_password,
)
from django.core.exceptions import ValidationError

from accounts.models import Role, User
from tenants.models import Tenant

SHOP = Tenant(slug="corner-store", name="Bob's Bakery", currency="EUR")


def person(role):
    return User(
        tenant=SHOP,
        role=role,
        username="wilhelmina",
        display_name="Wilhelmina B.",
        email="mina.b@corner.example",
    )


def objections(password, role=Role.ADMIN) -> set[str]:
    try:
        validate_password(password, person(role))
    except ValidationError as error:
        return {reason.code for reason in error.error_list}
    return set()


@pytest.mark.parametrize(
    ("role", "minimum"), [(Role.CASHIER, 8), (Role.MANAGER, 15), (Role.ADMIN, 15), ("", 15)]
)
def test_a_password_is_as_long_as_the_role_asks(role, minimum):
    letters = "qzjxkvbpygfwmucldrhsnioate"

    assert objections(letters[:minimum], role) == set()
    assert objections(letters[: minimum - 1], role) == {"password_too_short"}


def test_who_is_not_known_gets_the_longer_one():
    with pytest.raises(ValidationError, match="at least 15"):
        validate_password("qzjxkvbpygfwmu")


def test_a_password_has_an_end():
    assert objections("xy" * 64) == set()
    assert objections("xy" * 64 + "z") == {"password_too_long"}


def test_length_is_counted_as_it_is_hashed():
    """NFKC makes 18 letters of this one: what is hashed must not grow beyond the limit."""
    assert objections("\ufdfa" * 8) == {"password_too_long"}
    assert objections("ﬃ" * 5) == set()


@pytest.mark.parametrize("password", ["password", "12345678", "qwertyuiop", "PassWord"])
def test_what_everybody_tries_first_is_no_password(password):
    assert "password_too_common" in objections(password, Role.CASHIER)


@pytest.mark.parametrize(
    "password",
    [
        "Wilhelmina2024!",
        "wilhelmina",
        "xXWILHELMINAXx!",
        "corner-store-12",
        "Bob's Bakery 1!",
        "ｗｉｌｈｅｌｍｉｎａ12345",  # noqa: RUF001
    ],
)
def test_a_name_with_some_signs_more_is_no_password(password):
    assert objections(password) & {"password_too_similar"}


@pytest.mark.parametrize(
    "password",
    [
        "wilhelmina walks the dog at dawn",
        "aaaaaaaaaaaaaaa",
        "seven green bottles",
        "               ",
        "пятнадцать букв",
        "\U0001f34f" * 15,
    ],
)
def test_there_are_no_rules_of_composition(password):
    assert objections(password) == set()


def test_the_rules_can_be_read():
    assert "At least 15 characters, 8 for cashiers." in password_validators_help_texts()
