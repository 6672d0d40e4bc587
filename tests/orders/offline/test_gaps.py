"""Gap reports: which device sequence numbers of a register have not arrived."""

import pytest

from orders.services.offline import gaps
from tests.support.offline import build_offline_line, build_offline_sale, results, upload_all_booked

pytestmark = pytest.mark.django_db


@pytest.fixture
def gap_report(manager_client, register):
    def get(**query):
        response = manager_client.get(f"registers/{register.pk}/gaps/", query)
        assert response.status_code == 200, response.content
        answer = response.json()
        assert (answer["register"], answer["name"]) == (str(register.pk), "Till 1")
        return answer

    return get


@pytest.fixture
def upload_numbers(till, product):
    def upload(*numbers, **more):
        return upload_all_booked(
            till,
            *(build_offline_sale(number, build_offline_line(product)) for number in numbers),
            **more,
        )

    return upload


def test_register_without_offline_sales_has_no_gaps(gap_report, till, product):
    assert gap_report() | {"register": "", "name": ""} == {
        "register": "",
        "name": "",
        "issued": 0,
        "held": 0,
        "missing": 0,
        "ranges": [],
        "next": None,
    }


def test_gaps_between_received_numbers_are_listed(gap_report, upload_numbers):
    upload_numbers(1, 2, 4, 8)

    answer = gap_report()

    assert (answer["issued"], answer["held"], answer["missing"]) == (8, 4, 4)
    assert answer["ranges"] == [{"first": 3, "last": 3}, {"first": 5, "last": 7}]

    upload_numbers(3, 5, 6, 7)
    assert (gap_report()["missing"], gap_report()["ranges"]) == (0, [])


def test_last_sequence_of_the_terminal_reveals_missing_last_numbers(
    gap_report, upload_numbers, till
):
    """Without it, sales lost with the device or not sent yet would not be noticed."""
    upload_numbers(1, 2, last_sequence=5)

    assert gap_report()["ranges"] == [{"first": 3, "last": 5}]

    # A lower number is ignored.
    assert results(till, last_sequence=4) == []
    upload_numbers(4)
    assert (gap_report()["issued"], gap_report()["missing"]) == (5, 2)
    assert gap_report()["ranges"] == [{"first": 3, "last": 3}, {"first": 5, "last": 5}]


def test_rejected_sale_is_still_a_gap(gap_report, till, product):
    results(
        till,
        build_offline_sale(1, build_offline_line(product)),
        build_offline_sale(2, build_offline_line(product), payments=[]),
    )

    assert (gap_report()["issued"], gap_report()["ranges"]) == (2, [{"first": 2, "last": 2}])


def test_sale_of_another_register_is_not_in_the_report(gap_report, tills, product):
    upload_all_booked(tills[0], build_offline_sale(5, build_offline_line(product)))

    assert gap_report()["issued"] == 0


def test_gap_report_has_pages(gap_report, upload_numbers, monkeypatch):
    monkeypatch.setattr(gaps, "MAX_RANGES", 2)
    upload_numbers(2, 4, 6, 8, last_sequence=9)

    first = gap_report()
    second = gap_report(after=first["next"])
    third = gap_report(after=second["next"])

    assert [each["first"] for each in first["ranges"] + second["ranges"] + third["ranges"]] == [
        1,
        3,
        5,
        7,
        9,
    ]
    assert (first["next"], second["next"], third["next"]) == (3, 7, None)
    assert {each["missing"] for each in (first, second, third)} == {5}


def test_gap_report_after_the_last_number_is_empty(gap_report, upload_numbers):
    upload_numbers(1, 3)

    assert gap_report(after=3)["ranges"] == gap_report(after=99)["ranges"] == []
    assert gap_report(after=1)["ranges"] == [{"first": 2, "last": 2}]


@pytest.mark.parametrize(("max_ranges", "next_after"), [(2, None), (1, 1)])
def test_gap_report_that_fits_on_a_page_has_no_next(
    max_ranges, next_after, gap_report, upload_numbers, monkeypatch
):
    monkeypatch.setattr(gaps, "MAX_RANGES", max_ranges)
    upload_numbers(2, 4)

    shown = gap_report()

    assert (len(shown["ranges"]), shown["next"]) == (max_ranges, next_after)
