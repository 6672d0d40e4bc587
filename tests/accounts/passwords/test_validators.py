"""Rules for new passwords."""

import pytest
from django.contrib.auth.password_validation import (
    password_validators_help_texts,
    validate_password,
)
from django.core.exceptions import ValidationError

from accounts.models import Role, User
from tenants.models import Tenant

SHOP = Tenant(slug="corner-store", name="Bob's Bakery", currency="EUR")


def build_user(role):
    return User(
        tenant=SHOP,
        role=role,
        username="wilhelmina",
        display_name="Wilhelmina B.",
        email="mina.b@corner.example",
    )


def find_errors(password, role=Role.ADMIN) -> set[str]:
    try:
        validate_password(password, build_user(role))
    except ValidationError as error:
        return {reason.code for reason in error.error_list}
    return set()


@pytest.mark.parametrize(
    ("role", "minimum"), [(Role.CASHIER, 8), (Role.MANAGER, 15), (Role.ADMIN, 15), ("", 15)]
)
def test_minimum_password_length_depends_on_the_role(role, minimum):
    letters = "qzjxkvbpygfwmucldrhsnioate"

    assert find_errors(letters[:minimum], role) == set()
    assert find_errors(letters[: minimum - 1], role) == {"password_too_short"}


def test_password_without_a_user_needs_the_longer_minimum():
    with pytest.raises(ValidationError, match="at least 15"):
        validate_password("qzjxkvbpygfwmu")


def test_password_longer_than_the_maximum_is_rejected():
    assert find_errors("xy" * 64) == set()
    assert find_errors("xy" * 64 + "z") == {"password_too_long"}


def test_password_length_is_counted_after_normalization():
    """NFKC expands this character to 18, so the hashed text could exceed the limit."""
    assert find_errors("\ufdfa" * 8) == {"password_too_long"}
    assert find_errors("ﬃ" * 5) == set()


@pytest.mark.parametrize("password", ["password", "12345678", "qwertyuiop", "PassWord"])
def test_common_password_is_rejected(password):
    assert "password_too_common" in find_errors(password, Role.CASHIER)


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
def test_password_similar_to_user_or_shop_is_rejected(password):
    assert find_errors(password) & {"password_too_similar"}


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
def test_password_needs_no_special_composition(password):
    assert find_errors(password) == set()


def test_help_text_names_the_minimum_lengths():
    assert "At least 15 characters, 8 for cashiers." in password_validators_help_texts()
