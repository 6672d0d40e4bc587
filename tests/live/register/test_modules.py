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


ORDER = """{ number: "1-000001", status: "completed", receipt_number: 1, total: "1.00", due: "0.00",
  cash_due: "0.00", change_total: "0.00", lines: [], payments: [], refunds: [] }"""
UPLOAD = """async (sizes) => {
  const { uploadSales } = await import("/static/till/sync/upload.js");
  const sales = sizes.map((size, at) => ({ id: `${at + 1}`, device_sequence: at + 1,
    lines: Array(size) }));
  const batches = [];
  const post = async (path, { batch, last_sequence: last }) => {
    batches.push([batch.map((sale) => sale.device_sequence), last]);
    return { results: batch.map(({ id }) => ({ status: "created", order: { ...ORDER, id } })) };
  };
  const results = await uploadSales({ post }, sales);
  return [batches, results.map(({ order }) => Number(order.id))];
}""".replace("ORDER", ORDER)


def test_upload_is_divided_by_sales_and_lines(page):
    batches, results = page.evaluate(UPLOAD, [900, 900, 200, 1, 2500, 3])
    assert batches == [[[1, 2, 3], 3], [[4], 4], [[5], 5], [[6], 6]]
    assert results == [1, 2, 3, 4, 5, 6]

    batches, _ = page.evaluate(UPLOAD, [1] * 250)
    assert [len(batch) for batch, _ in batches] == [100, 100, 50]


WRONG_RESULTS = """async () => {
  const { uploadSales } = await import("/static/till/sync/upload.js");
  const order = { ...ORDER, id: "1" };
  const wrong = [
    [], [{}], [{ status: "created" }], [{ status: "created", order: {} }], [{ status: "rejected" }],
    [{ status: "created", order: { ...order, id: "2" } }],
    [{ status: "created", order: { ...order, receipt_number: null } }],
    [{ status: "created", order }, { status: "created", order }],
  ];
  const answers = [];
  for (const results of [...wrong, [{ status: "duplicate", order }]]) {
    const rejectAnswer = () => { throw new Error("no answer"); };
    const api = { post: async () => ({ results }), rejectAnswer };
    const sales = [{ id: "1", device_sequence: 1, lines: [] }];
    answers.push(await uploadSales(api, sales).then(() => "sent", (error) => error.message));
  }
  return answers;
}""".replace("ORDER", ORDER)


def test_upload_without_the_results_of_its_sales_is_not_sent(page):
    assert page.evaluate(WRONG_RESULTS) == ["no answer"] * 8 + ["sent"]


CATALOG = """async () => {
  const { Catalog } = await import("/static/till/store/catalog.js");
  const make = (at, name, more = {}) => ({ id: `${at}`, name, sku: `SKU-${at}`, plu: null,
    barcodes: [`CODE-${at}`], is_active: true, has_variants: false, options: {}, ...more });
  const names = ["Tee", "Apfel", "Crème", "Brot", "Salz", "Milch", "Reis"];
  const before = names.map((name, at) => make(at, name));
  const few = [make(1, "Zapfen"), make(3, "Brot", { barcodes: ["CODE-3", "NEW"] }),
    make(7, "Apfel rot")];
  const many = [make(2, "Crème", { is_active: false }),
    make(3, "Brot", { barcodes: ["CODE-5", "NEW"] }),
    make(5, "Milch", { barcodes: [], plu: "0042" })];
  const changed = [...few, ...many];
  const settings = { price_lists: [] };
  const none = { changed: [], removed: [] };

  const updated = new Catalog();
  updated.replace(before, [], settings);
  updated.update({ changed: few, removed: [] }, none, { ...settings });
  updated.update({ changed: many, removed: ["4"] }, none, { ...settings });
  const byId = new Map([...before, ...changed].map((product) => [product.id, product]));
  byId.delete("4");
  const replaced = new Catalog();
  replaced.replace([...byId.values()], [], settings);

  const texts = ["", "apf", "creme", "new", "sku-4"];
  const codes = ["CODE-1", "CODE-2", "CODE-4", "CODE-5", "NEW"];
  return [updated, replaced].map((catalog) => [
    ...texts.map((text) => catalog.search(text).map(({ name }) => name)),
    ...codes.map((code) => catalog.find(code)?.product.name ?? null),
    [...catalog.byPlu].map(([plu, { name }]) => [plu, name]),
  ]);
}"""


def test_catalog_with_changes_is_searched_as_one_that_was_loaded_anew(page):
    updated, replaced = page.evaluate(CATALOG)
    assert updated == replaced
    assert updated[0] == ["Apfel rot", "Brot", "Milch", "Reis", "Tee", "Zapfen"]
    assert updated[5:] == ["Zapfen", None, None, "Brot", "Brot", [["42", "Milch"]]]


ENCODE = """async ([text, opensDrawer]) => {
  const { encodeText } = await import("/static/till/print/escpos.js");
  return [...encodeText(text, { opensDrawer })];
}"""


@pytest.mark.parametrize("opens_drawer", [False, True])
def test_text_for_a_printer_is_ascii_with_cut_and_drawer_pulse(page, opens_drawer):
    printed = bytes(page.evaluate(ENCODE, ["Käse \u2013 2 \u00d7 1,50 €\nЖиж", opens_drawer]))
    pulse = b"\x1bp\x00\x19\xfa" if opens_drawer else b""
    lines = b"Kase - 2 x 1,50 EUR\n???\n"
    assert printed == b"\x1b@" + pulse + lines + b"\x1bd\x04\x1dVB\x00"


DROP = """async () => {
  const { Store } = await import("/static/till/store/store.js");
  const store = await Store.open();
  const sale = await store.startSale({ id: "given up" }, { drawer: { cash: "1.00" } });
  // As after the browser has closed the connection.
  store.database.close();
  await store.dropSale(sale, { drawer: { cash: "0.00" } });
  return [await store.listSales(), store.known.drawer, await store.get("drawer")];
}"""


def test_sale_is_given_up_although_the_browser_has_closed_the_database(page):
    empty = {"cash": "0.00"}
    assert page.evaluate(DROP) == [[], empty, {"drawer": empty}]


BLOCKS = """async (count) => {
  const { openDatabase, transact } = await import("/static/till/store/database.js");
  const { Store } = await import("/static/till/store/store.js");
  const make = (name, more = {}) => ({ id: crypto.randomUUID(), name, ...more });
  const rows = Array.from({ length: count }, (_, at) => make(`${at}`));
  const none = { changed: [], removed: [] };
  const former = await new Promise((resolve) => {
    const opening = indexedDB.open("till", 2);
    opening.onupgradeneeded = ({ target: { result: database } }) => {
      database.createObjectStore("device");
      for (const name of ["products", "prices", "sales"]) {
        database.createObjectStore(name, { keyPath: "id" });
      }
      const { transaction } = opening;
      for (const row of rows) transaction.objectStore("products").put(row);
      transaction.objectStore("sales").put({ id: "1", device_sequence: 1 });
    };
    opening.onsuccess = () => resolve(opening.result);
  });
  former.close();

  const store = await Store.open();
  const read = async () => (await store.loadCatalog()).products.map(({ name }) => name).sort();
  const results = { moved: await read(), sales: (await store.listSales()).length };
  const changed = [{ ...rows[0], name: "renamed" }, make("new")];
  const removed = [rows[1].id, "unknown"];
  await store.saveCatalog({ products: { changed, removed }, prices: none }, {}, false);
  results.changed = await read();
  const all = { changed: [make("only")], removed: [] };
  await store.saveCatalog({ products: all, prices: none }, {}, true);
  results.replaced = await read();
  return results;
}"""


def test_catalog_is_kept_in_blocks_also_that_of_a_former_version(base):
    with browser.run_browser() as context:
        page = context.new_page()
        # The modules without the page, which would open its database.
        page.goto(f"{base}/static/till/icon.svg")
        results = page.evaluate(BLOCKS, 300)

    names = sorted(str(at) for at in range(300))
    assert results["moved"] == names
    assert results["sales"] == 1
    assert results["changed"] == sorted({*names, "renamed", "new"} - {"0", "1"})
    assert results["replaced"] == ["only"]


ANSWERS = """async () => {
  const { Api } = await import("/static/till/api/client.js");
  const { loadSnapshot } = await import("/static/till/sync/catalog.js");
  const order = (more) => JSON.stringify({ ...ORDER, id: "1", ...more });
  const fetched = window.fetch;
  const api = new Api();
  const online = [];
  api.onreachable = (isOnline) => online.push(isOnline);
  const ask = async (status, type, body, work) => {
    window.fetch = async (url, { redirect }) => {
      if (status === 302) return fetched("/admin/", { redirect });
      const headers = type ? { "Content-Type": type } : {};
      return new Response(status === 204 ? null : body, { status, headers });
    };
    return work().catch((error) => error.code ?? error.constructor.name);
  };
  const post = () => api.post("orders/", {});
  const text = () => api.getText("shifts/1/z-report/", { format: "text" });
  const bytes = async () => [...await api.getBytes("orders/1/receipt/", { format: "escpos" })];
  const page = "<html>Log in to the network</html>";
  return [
    await ask(200, "text/html", page, post),
    await ask(200, "text/html; charset=utf-8", page, text),
    await ask(200, "text/html", page, bytes),
    await ask(200, "", page, post),
    await ask(200, "application/json", '{"id": "cut o', post),
    await ask(404, "text/html", page, post),
    await ask(401, "text/html", page, post),
    await ask(302, "", "", post),
    await ask(200, "application/json", '{"status": "ok"}', post),
    await ask(200, "application/json", order({ receipt_number: undefined }), post),
    await ask(200, "application/json", order({ lines: {} }), post),
    await ask(200, "application/json", "null", post),
    await ask(204, "", "", post),
    await ask(403, "application/json", '{"error": "log in to the network"}', post),
    await ask(200, "application/json", '{"success": true}', () => api.getAll("stores/")),
    await ask(200, "application/json", '{"token": "1"}', () => api.post("auth/token/", {})),
    await ask(200, "text/plain", "Log in to the network", () => loadSnapshot(api)),
    await ask(201, "application/json", order({}), post).then(({ id }) => id),
    await ask(204, "", "", () => api.post("registers/1/unpair/", {})),
    await ask(409, "application/problem+json", '{"code": "id_conflict"}', post),
    await ask(200, "text/plain; charset=utf-8", "Z 1", text),
    await ask(200, "application/octet-stream", "Z", bytes),
    online.slice(0, 4),
  ];
}""".replace("ORDER", ORDER)


def test_answer_that_is_not_one_of_the_server_is_no_answer(page):
    *answers, online = page.evaluate(ANSWERS)
    assert answers[:-5] == ["Unreachable"] * 17
    assert answers[-5:] == ["1", None, "id_conflict", "Z 1", [ord("Z")]]
    assert online == [False] * 4


REFUNDS = """async () => {
  const { followRefund, resolveRefund } = await import("/static/till/actions/receipt.js");
  const payouts = [{ method: "cash", paid: "4.00" }, { method: "card", paid: "1.00" }];
  const refund = { id: "1", order: "2", status: "pending", payouts };
  let drawer = { cash: "10.00", sales: 1 };
  const store = {
    get: async () => ({ drawer }),
    set: async (values) => ({ drawer } = values),
  };
  const api = { send: async () => refund, post: async () => refund, get: async () => ({}) };
  const app = { exponent: 2, store, api, update() {} };
  const cash = [];
  for (const status of ["pending", "done"]) {
    refund.status = status;
    await resolveRefund(app, refund, "cash");
    cash.push(drawer.cash);
    await followRefund(app, refund);
    cash.push(drawer.cash);
  }
  return cash;
}"""


def test_cash_of_a_refund_leaves_the_drawer_once_when_it_is_done(page):
    assert page.evaluate(REFUNDS) == ["10.00", "10.00", "6.00", "6.00"]
