/** The end of a shift: count the drawer by its notes and coins, close, print the Z report. */

import { closeShift, prepareShift } from "../actions/shift.js";
import { formatMoney, readNumber } from "./format.js";
import { h } from "./render.js";
import { button, field, form, money } from "./parts.js";
import { printLines } from "../actions/print.js";
import { locale, t } from "../texts/texts.js";

/** @typedef {import("../app.js").App} App */

/** Notes and coins in minor units, for currencies with two decimals, with three, and without. */
const VALUES = [50000, 20000, 10000, 5000, 2000, 1000, 500, 200, 100, 50, 20, 10, 5, 2, 1];
const WITHOUT_DECIMALS = [10000, 5000, 2000, 1000, 500, 100, 50, 10, 5, 1];

/** @param {App} app */
function listDenominations(app) {
  const exponent = app.exponent;
  const increment = app.settings.tenant.cash_rounding_increment;
  const smallest = increment ? Number(increment) : 0;
  const values = exponent ? VALUES.map((value) => value / 100) : WITHOUT_DECIMALS;
  return values.filter((value) => value >= smallest).map((value) => value.toFixed(exponent));
}

/** @param {App} app */
export function showClose(app) {
  const { report } = app;
  const denominations = listDenominations(app);
  // Cashiers count without seeing the payments.
  const methods = report.payments?.map((/** @type {any} */ each) => each.method) ?? ["card"];
  const others = methods.filter((/** @type {string} */ each) => each !== "cash");
  const close = (/** @type {any} */ values) =>
    app.run(async () => {
      const pieces = readCounts(values, denominations);
      const slips = others
        .filter((/** @type {string} */ method) => values[`method ${method}`])
        .map((/** @type {string} */ method) => ({ method, amount: requireAmount(app, values[`method ${method}`]) }));
      const nothing = [{ method: "cash", amount: requireAmount(app, "0") }];
      const counted = pieces.length ? slips : [...nothing, ...slips];
      await closeShift(app, { denominations: pieces, counted, note: values.note.trim() });
    });
  return h(
    "section",
    { class: "card" },
    h("h1", null, t("closeTitle")),
    showSummary(app),
    app.unsent.length ? h("p", { class: "message", role: "alert" }, t("closeUnsent", { count: app.unsent.length })) : null,
    form(
      close,
      { class: "count" },
      h(
        "fieldset",
        null,
        h("legend", null, t("countCash")),
        h(
          "div",
          { class: "denominations" },
          denominations.map((value) =>
            field(formatMoney(value, app.settings.tenant.currency, locale), { name: `value ${value}`, inputmode: "numeric", placeholder: "0", pattern: "[0-9]*" }),
          ),
        ),
      ),
      others.map((/** @type {string} */ method) => field(t("countOther", { method: t(method) }), { name: `method ${method}`, inputmode: "decimal" })),
      field(t("note"), { name: "note", maxlength: 500 }),
      h("button", { class: "primary", disabled: app.isBusy || !app.isOnline }, t("closeShift")),
    ),
    button(t("back"), () => app.update({ phase: "more", message: "" }), { class: "quiet", disabled: app.isBusy || app.shift?.status !== "open" }),
  );
}

/** @param {App} app @param {string} text */
function requireAmount(app, text) {
  const amount = readNumber(text, app.exponent, true);
  if (amount === null) throw new Error(t("badAmount"));
  return amount;
}

/** @param {Record<string, string>} values @param {string[]} denominations */
function readCounts(values, denominations) {
  return denominations
    .map((value) => ({ value, count: Number(values[`value ${value}`] || "0") }))
    .filter(({ count }) => count > 0);
}

/** The sales so far (X report). @param {App} app */
function showSummary(app) {
  const { report } = app;
  const row = (/** @type {string} */ name, /** @type {string} */ text) => h("p", { key: name }, h("span", null, name), h("span", null, text));
  return h(
    "div",
    { class: "totals" },
    row(t("salesCount"), `${report.sales.count}`),
    row(t("total"), money(app, report.sales.total)),
    report.payments?.map((/** @type {any} */ each) => row(t(each.method), money(app, each.amount))),
  );
}

/** @param {App} app */
export function showClosed(app) {
  const print = () => app.run(() => printLines(app, app.report));
  return h(
    "section",
    { class: "card" },
    h("h1", null, t("closedTitle")),
    h("pre", { class: "receipt", tabindex: "0", "aria-label": t("zReport") }, app.report),
    h(
      "div",
      { class: "choices" },
      button(t("print"), print, { name: "print" }),
      button(t("newShift"), () => app.run(() => prepareShift(app)), { class: "primary", disabled: app.isBusy }),
    ),
  );
}
