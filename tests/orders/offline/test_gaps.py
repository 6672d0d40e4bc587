"""Till 3 issued 118 receipts, and we hold 116: what a till has numbered and what of it came."""

import pytest

from orders.services.offline import gaps
from tests.support.offline import build_offline_line, build_offline_sale, results, upload_all_booked

pytestmark = pytest.mark.django_db


@pytest.fixture
def report(manager_client, register):
    def get(**query):
        response = manager_client.get(f"registers/{register.pk}/gaps/", query)
        assert response.status_code == 200, response.content
        answer = response.json()
        assert (answer["register"], answer["name"]) == (str(register.pk), "Till 1")
        return answer

    return get


@pytest.fixture
def numbered(till, product):
    def upload(*numbers, **more):
        return upload_all_booked(
            till,
            *(build_offline_sale(number, build_offline_line(product)) for number in numbers),
            **more,
        )

    return upload


def test_a_till_that_has_sold_nothing_offline_misses_nothing(report, till, product):
    assert report() | {"register": "", "name": ""} == {
        "register": "",
        "name": "",
        "issued": 0,
        "held": 0,
        "missing": 0,
        "ranges": [],
        "next": None,
    }


def test_what_is_missing_in_between_is_named(report, numbered):
    numbered(1, 2, 4, 8)

    answer = report()

    assert (answer["issued"], answer["held"], answer["missing"]) == (8, 4, 4)
    assert answer["ranges"] == [{"first": 3, "last": 3}, {"first": 5, "last": 7}]

    numbered(3, 5, 6, 7)
    assert (report()["missing"], report()["ranges"]) == (0, [])


def test_the_last_ones_are_missing_if_the_till_says_how_far_it_has_counted(report, numbered, till):
    """Lost with the device or not sent yet: without its word nobody would miss them."""
    numbered(1, 2, last_sequence=5)

    assert report()["ranges"] == [{"first": 3, "last": 5}]

    # It never counts back, and what it says again changes nothing.
    assert results(till, last_sequence=4) == []
    numbered(4)
    assert (report()["issued"], report()["missing"]) == (5, 2)
    assert report()["ranges"] == [{"first": 3, "last": 3}, {"first": 5, "last": 5}]


def test_what_was_rejected_is_still_missing(report, till, product):
    results(
        till,
        build_offline_sale(1, build_offline_line(product)),
        build_offline_sale(2, build_offline_line(product), payments=[]),
    )

    assert (report()["issued"], report()["ranges"]) == (2, [{"first": 2, "last": 2}])


def test_a_sale_that_was_sent_with_a_connection_is_no_gap_of_another_till(report, tills, product):
    upload_all_booked(tills[0], build_offline_sale(5, build_offline_line(product)))

    assert report()["issued"] == 0


def test_many_gaps_come_in_pages(report, numbered, monkeypatch):
    monkeypatch.setattr(gaps, "MAX_RANGES", 2)
    numbered(2, 4, 6, 8, last_sequence=9)

    first = report()
    second = report(after=first["next"])
    third = report(after=second["next"])

    assert [each["first"] for each in first["ranges"] + second["ranges"] + third["ranges"]] == [
        1,
        3,
        5,
        7,
        9,
    ]
    assert (first["next"], second["next"], third["next"]) == (3, 7, None)
    assert {each["missing"] for each in (first, second, third)} == {5}


def test_everything_above_what_was_ever_issued_is_nothing(report, numbered):
    numbered(1, 3)

    assert report(after=3)["ranges"] == report(after=99)["ranges"] == []
    assert report(after=1)["ranges"] == [{"first": 2, "last": 2}]


@pytest.mark.parametrize(("most", "further"), [(2, None), (1, 1)])
def test_where_all_ranges_fit_on_a_page_there_is_no_next(
    most, further, report, numbered, monkeypatch
):
    monkeypatch.setattr(gaps, "MAX_RANGES", most)
    numbered(2, 4)

    shown = report()

    assert (len(shown["ranges"]), shown["next"]) == (most, further)
