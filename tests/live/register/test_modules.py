"""Modules of the browser register, each tested by itself in a page of the register."""

from collections.abc import Iterator

import pytest
from playwright.sync_api import Page

from tests.support.live import browser

pytestmark = [
    pytest.mark.browser,
    pytest.mark.live,
    pytest.mark.once,
    pytest.mark.django_db(transaction=True),
]


@pytest.fixture
def page(base: str) -> Iterator[Page]:
    with browser.run_browser() as context:
        page = context.new_page()
        page.goto(f"{base}/till/")
        yield page


UPLOAD = """async (sizes) => {
  const { uploadSales } = await import("/static/till/sync/upload.js");
  const sales = sizes.map((size, at) => ({ device_sequence: at + 1, lines: Array(size) }));
  const batches = [];
  const post = async (path, { batch, last_sequence: last }) => {
    batches.push([batch.map((sale) => sale.device_sequence), last]);
    return { results: batch.map((sale) => sale.device_sequence) };
  };
  return [batches, await uploadSales({ post }, sales)];
}"""


def test_upload_is_divided_by_sales_and_lines(page):
    batches, results = page.evaluate(UPLOAD, [900, 900, 200, 1, 2500, 3])
    assert batches == [[[1, 2, 3], 3], [[4], 4], [[5], 5], [[6], 6]]
    assert results == [1, 2, 3, 4, 5, 6]

    batches, _ = page.evaluate(UPLOAD, [1] * 250)
    assert [len(batch) for batch, _ in batches] == [100, 100, 50]
