"""The browser register reads the pairing code of its address, whatever follows `#pair=`."""

import pytest

from tests.support.javascript import Module


@pytest.fixture(scope="module")
def addresses():
    return Module("scan/address.js")


@pytest.mark.parametrize(
    ("fragment", "code"),
    [
        ("#pair=BCDFGHJK", "BCDFGHJK"),
        ("#pair=BCDF%20GHJK", "BCDF GHJK"),
        ("#pair=%", ""),
        ("#pair=%E0%A4", ""),
        ("#pair=", ""),
        ("#pair=" + "B" * 33, ""),
        ("#pair=%0A", ""),
        ("#pairs", None),
        ("", None),
    ],
)
def test_pairing_code_of_an_address_is_read_or_empty_if_malformed(addresses, fragment, code):
    assert addresses.call("readPairingCode", fragment) == code
