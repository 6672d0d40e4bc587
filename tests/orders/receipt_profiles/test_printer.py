"""Receipts by a profile, as the printer of the store prints them."""

import pytest

from tests.support.escpos_printer import Picture, print_receipt
from tests.support.receipt_profiles import create_profile
from tests.support.till import cash, line

pytestmark = pytest.mark.once


def print_sale(till, product):
    order = till.sold(line(product), payments=[cash("2.50")])
    answer = till.get(f"orders/{order['id']}/receipt/", {"format": "escpos"})
    assert answer.status_code == 200, answer.content
    return print_receipt(answer.content)


@pytest.mark.parametrize(
    ("profile", "columns", "total"),
    [
        ({"paper_mm": 58, "language": "pl", "code_page": "pc852"}, 32, "SUMA"),
        ({"paper_mm": 80, "language": "de", "code_page": "wpc1252"}, 42, "SUMME"),
        ({"paper_mm": 58, "language": "pt", "code_page": "pc860"}, 32, "TOTAL"),
    ],
)
def test_labels_of_the_language_are_text_in_the_code_page(
    till, make_product, store, manager, profile, columns, total
):
    create_profile(
        store,
        manager,
        **profile,
        **dict.fromkeys(("legal_name", "address", "return_policy"), "Till"),
        header=[],
        footer=[],
        tax_numbers=[],
    )

    receipt = print_sale(till, make_product("2.50", name="Tea"))

    assert f"{total} EUR" + "2.50".rjust(columns - len(total) - 4) in receipt.lines
    assert max(map(len, receipt.lines)) == columns
    (logo,) = [item for item in receipt.items if isinstance(item, Picture)]
    assert receipt.items[0] is logo
    assert receipt.pulses == 1


@pytest.mark.fonts
def test_profile_in_letters_that_the_printer_lacks_is_printed_as_images(
    till, make_product, store, manager
):
    create_profile(
        store,
        manager,
        legal_name="喫茶さくら",
        address="東京都渋谷区神南1-2-3",
        header=["いらっしゃいませ"],
        footer=["ありがとうございました"],
        logo=None,
    )

    receipt = print_sale(till, make_product("2.50", name="特上握り寿司"))

    assert {picture.width for picture in receipt.pictures} == {384}
    assert len(receipt.pictures) == 5
    assert "?" not in "".join(receipt.lines)
