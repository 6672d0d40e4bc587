"""That the reading of every answer and of every log line would find what it looks for."""

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
    "of the tests": "md5$salt$0123456789abcdef0123456789abcdef",
}


@pytest.fixture
def found():
    """What was found in this test, taken out again, lest the test fails by it."""

    def take():
        taken, leaks.found[:] = list(leaks.found), []
        return taken

    return take


def echo(http, text):
    return http.post("/api/echo/", json.dumps({"note": text}), content_type="application/json")


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN, *HASHES.values()], ids=lambda each: each[:12])
def test_attack_087_a_secret_in_an_answer_is_found(secret, http, found):
    assert echo(http, f"It is {secret}, you know.").status_code == 200

    (leak,) = found()
    assert leak.startswith("the answer of /api/echo/: ")


@pytest.mark.parametrize("secret", [PASSWORD, TOKEN, *HASHES.values()], ids=lambda each: each[:12])
def test_attack_087_a_secret_in_a_log_is_found(secret, found):
    structlog.get_logger("till.test").info("sold", note=secret)

    (leak,) = found()
    assert leak.startswith("the log of till.test: ")


def test_what_the_log_leaves_out_is_no_leak(found):
    structlog.get_logger("till.test").info("sold", password=PASSWORD, body={"access": TOKEN})

    assert found() == []


@pytest.mark.parametrize("name", ["password", "new_password", "pin"])
def test_a_secret_that_a_test_sends_is_looked_for_from_then_on(name, http, found):
    http_before = echo(http, "802417 or a secret of mine")
    assert http_before.status_code == 200
    assert found() == []

    secret = "802417" if name == "pin" else "a secret of mine"
    Api().post("auth/token/", {"credentials": {name: secret}})

    echo(http, f"It is {secret}!")
    assert [leak for leak in found() if "/api/echo/" in leak]


def test_so_is_one_that_is_shown_once(admin, client_of, found, request):
    office = client_of(admin)
    answer = office.post("users/", {"username": "new", "role": "cashier"}).json()
    assert found() == []

    echo(request.getfixturevalue("http"), answer["temporary_password"])

    assert len(found()) == 1


def test_tokens_are_given_where_one_logs_in_and_nowhere_else(cashier, anonymous, found, request):
    body = {"tenant": "green", "username": "c1", "password": PASSWORD}
    access = anonymous.post("auth/token/", body).json()["access"]
    assert found() == []

    echo(request.getfixturevalue("http"), access)

    assert len(found()) == 1


@pytest.mark.parametrize(
    "text", ["1802417", "802417.50", "12.802417", "0-802417", "sixteen green bottles", "eyJ.x.y"]
)
def test_what_only_looks_like_one_is_none(text, http, found):
    remember("802417")

    echo(http, text)

    assert found() == []


def test_a_secret_is_forgotten_with_its_test(found):
    remember("another secret of mine")
    leaks.begin()

    leaks.read("another secret of mine", where="here")

    assert found() == []


def test_a_test_in_which_a_secret_left_has_failed():
    """As pytest calls the hook of the suite around each test."""
    around = conftest.pytest_runtest_call()
    next(around)
    leaks.read(f"the body says {PASSWORD}", where="here")

    with pytest.raises(pytest.fail.Exception, match="A secret left the house:\nhere: seven green"):
        around.send("passed")
    leaks.begin()


def test_a_test_in_which_none_left_is_what_it_was():
    around = conftest.pytest_runtest_call()
    next(around)
    leaks.read("the body says nothing", where="here")

    with pytest.raises(StopIteration) as outcome:
        around.send("passed")
    assert outcome.value.value == "passed"


def test_people_of_the_factories_have_the_password_that_is_looked_for(db):
    assert UserFactory().check_password(PASSWORD)
    assert PASSWORD in leaks.secrets
