"""The detection of secrets in responses and log lines works."""

import json

import pytest
import structlog

from tests import conftest
from tests.factories.accounts import PASSWORD, UserFactory
from tests.support.api import Api
from tests.support.secret_leaks import leaks, remember

TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxIn0.c2lnbmF0dXJl"
HASHES = {
    "argon2": "argon2$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
    "peppered": "argon2pep$v1$argon2id$v=19$m=19456,t=2,p=1$c2FsdA$aGFzaA",
    "pbkdf2": "pbkdf2_sha256$1000000$salt$aGFzaA==",
    "test hasher": "md5$salt$0123456789abcdef0123456789abcdef",
}


@pytest.fixture
def take_leaks():
    """Return a function that takes the found leaks, so that the test does not fail."""

    def take():
        taken, leaks.found[:] = list(leaks.found), []
        return taken

    return take


def echo(http, text):
    return http.post("/api/echo/", json.dumps({"note": text}), content_type="application/json")


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN, *HASHES.values()], ids=lambda each: each[:12])
def test_attack_087_secret_in_a_response_is_found(secret, http, take_leaks):
    assert echo(http, f"It is {secret}, you know.").status_code == 200

    (leak,) = take_leaks()
    assert leak.startswith("the answer of /api/echo/: ")


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN, *HASHES.values()], ids=lambda each: each[:12])
def test_attack_087_secret_in_a_log_is_found(secret, take_leaks):
    structlog.get_logger("till.test").info("sold", note=secret)

    (leak,) = take_leaks()
    assert leak.startswith("the log of till.test: ")


def test_redacted_log_values_are_not_leaks(take_leaks):
    structlog.get_logger("till.test").info("sold", password=PASSWORD, body={"access": TOKEN})

    assert take_leaks() == []


@pytest.mark.parametrize("name", ["password", "new_password", "pin"])
def test_secret_sent_by_a_test_is_detected_from_then_on(name, http, take_leaks):
    http_before = echo(http, "802417 or a secret of mine")
    assert http_before.status_code == 200
    assert take_leaks() == []

    secret = "802417" if name == "pin" else "a secret of mine"
    Api().post("auth/token/", {"credentials": {name: secret}})

    echo(http, f"It is {secret}!")
    assert [leak for leak in take_leaks() if "/api/echo/" in leak]


def test_secret_shown_once_is_detected_from_then_on(admin, client_of, take_leaks, request):
    admin_client = client_of(admin)
    answer = admin_client.post("users/", {"username": "new", "role": "cashier"}).json()
    assert take_leaks() == []

    echo(request.getfixturevalue("http"), answer["temporary_password"])

    assert len(take_leaks()) == 1


def test_tokens_are_allowed_only_in_login_responses(cashier, anonymous, take_leaks, request):
    body = {"tenant": "green", "username": "c1", "password": PASSWORD}
    access = anonymous.post("auth/token/", body).json()["access"]
    assert take_leaks() == []

    echo(request.getfixturevalue("http"), access)

    assert len(take_leaks()) == 1


@pytest.mark.parametrize(
    "text", ["1802417", "802417.50", "12.802417", "0-802417", "sixteen green bottles", "eyJ.x.y"]
)
def test_similar_texts_are_not_leaks(text, http, take_leaks):
    remember("802417")

    echo(http, text)

    assert take_leaks() == []


def test_secret_is_forgotten_after_its_test(take_leaks):
    remember("another secret of mine")
    leaks.begin()

    leaks.read("another secret of mine", where="here")

    assert take_leaks() == []


def test_test_with_a_leak_fails(request):
    """Call the hook of the suite as pytest does around each test."""
    around = conftest.pytest_runtest_call(request.node)
    next(around)
    leaks.read(f"the body says {PASSWORD}", where="here")

    with pytest.raises(pytest.fail.Exception, match="A secret was found:\nhere: seven green"):
        around.send("passed")
    leaks.begin()


def test_test_without_a_leak_keeps_its_outcome(request):
    around = conftest.pytest_runtest_call(request.node)
    next(around)
    leaks.read("the body says nothing", where="here")

    with pytest.raises(StopIteration) as outcome:
        around.send("passed")
    assert outcome.value.value == "passed"


def test_password_of_the_factories_is_a_known_secret(db):
    assert UserFactory().check_password(PASSWORD)
    assert PASSWORD in leaks.secrets
