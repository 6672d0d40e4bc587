/** Paying: cash by its usual notes, cards, vouchers and store credit, or a part of each. */

import { abandonSale, cancelCharge, chargeReader, payOutAsCredit } from "../actions/charge.js";
import { findPending, hideCode } from "../actions/order.js";
import { computeCashDue, computeLeft, findCredit, listParts, payCard, payCash, payCredit, payVoucher, removePart } from "../actions/payment.js";
import { readNumber } from "./format.js";
import { h } from "./render.js";
import { button, field, form, money } from "./parts.js";
import { isPaidOut } from "../money/cart.js";
import { compareAmounts } from "../money/engine.js";
import { t } from "../texts/texts.js";

/** @typedef {import("../app.js").App} App */

/** In whole units of the currency; those with another scale are chosen by the size of the total. */
const NOTES = [1, 2, 5, 10, 20, 50, 100, 200, 500];
const MAX_NOTES = 4;

/** Return the amounts that customers usually hand over: the next multiples of some notes. @param {string} due @param {number} exponent */
export function suggestNotes(due, exponent) {
  const unit = 10 ** exponent;
  const units = Number(due.replace(".", ""));
  // Without decimals the smallest note is in the thousands.
  const scale = exponent === 0 ? 1000 : unit;
  const amounts = NOTES.map((note) => Math.ceil(units / (note * scale)) * note * scale);
  const different = [...new Set(amounts)].filter((amount) => amount > units);
  return different
    .sort((one, other) => one - other)
    .slice(0, MAX_NOTES)
    .map((amount) => (amount / unit).toFixed(exponent));
}

/** @param {App} app */
export function showPay(app) {
  const due = computeCashDue(app);
  return h(
    "section",
    { class: "card pay" },
    h("h1", null, t(isPaidOut(due) ? "payOutTitle" : "payTitle")),
    h("p", { class: "due" }, h("span", null, t(listParts(app).length ? "left" : "total")), h("output", null, money(app, computeLeft(app)))),
    showParts(app),
    isPaidOut(due) ? showPayOut(app, due) : showMethods(app, due),
    showWayBack(app),
  );
}

/** An order that the server has opened is given up there. @param {App} app */
function showWayBack(app) {
  if (listParts(app).length) return null;
  if (app.openSale) return button(t("abandonSale"), () => app.run(() => abandonSale(app)), { name: "abandon", key: "Escape", class: "danger", disabled: app.isBusy || !app.isOnline });
  return button(t("back"), () => app.update({ phase: "sell", message: "" }), { name: "back-to-cart", key: "Escape", class: "quiet", disabled: app.isBusy });
}

/** The customer presents the card, or the provider is asked what became of it. @param {App} app */
export function showCharging(app) {
  const order = app.openSale?.open_order;
  const pending = findPending(order);
  const words = !pending ? "askingServer" : pending.status === "pending" ? "presentCard" : "outcomeUnknown";
  return h(
    "section",
    { class: "card pay" },
    h("h1", null, t("atReader")),
    h("p", { class: "due" }, h("span", null, t("card")), h("output", null, money(app, pending?.amount ?? computeLeft(app)))),
    h("p", { role: "status", class: "waiting" }, t(words)),
    app.isOnline ? null : h("p", { role: "alert" }, t("chargingOffline")),
    pending
      ? button(t("stopReader"), () => app.run(() => cancelCharge(app)), { name: "stop", key: "Escape", class: "danger", disabled: app.isBusy || !app.isOnline })
      : null,
  );
}

/** @param {App} app */
function showParts(app) {
  return h(
    "ul",
    { class: "parts" },
    listParts(app).map((/** @type {any} */ part) =>
      h(
        "li",
        { key: part.id },
        h("span", null, `${t(part.method)} ${hideCode(part)}`),
        h("span", null, money(app, part.amount)),
        button(t("giveBack"), () => app.run(() => removePart(app, part.id)), { name: "remove", disabled: app.isBusy }),
      ),
    ),
  );
}

/** @param {App} app @param {string} due */
function showPayOut(app, due) {
  const pay = () => app.run(() => payCash(app, due));
  const left = computeLeft(app);
  const payCredit = () => app.run(() => payOutAsCredit(app, left));
  return h(
    "div",
    { class: "choices" },
    button(t("payOut", { amount: money(app, due.replace("-", "")) }), pay, { class: "primary", name: "pay-out", disabled: app.isBusy }),
    button(t("payOutCredit", { amount: money(app, left.replace("-", "")) }), payCredit, { name: "pay-out-credit", disabled: app.isBusy || !app.isOnline }),
  );
}

/** @param {App} app @param {string} due */
function showMethods(app, due) {
  const take = (/** @type {string} */ amount) => app.run(() => payCash(app, amount));
  const isRounded = compareAmounts(due, computeLeft(app)) !== 0;
  return h(
    "div",
    { class: "methods" },
    h(
      "section",
      { "aria-labelledby": "cash-title" },
      h("h2", { id: "cash-title" }, t("cash")),
      isRounded ? h("p", { class: "hint" }, t("cashDue", { amount: money(app, due) })) : null,
      h(
        "div",
        { class: "notes" },
        button(t("exact", { amount: money(app, due) }), () => take(due), { name: "exact", class: "primary", disabled: app.isBusy }),
        suggestNotes(due, app.exponent).map((note) =>
          button(money(app, note), () => take(note), { name: note, disabled: app.isBusy }),
        ),
      ),
      form(
        ({ tendered }) => app.run(() => payTyped(app, tendered)),
        { key: "cash" },
        field(t("tendered"), { name: "tendered", inputmode: "decimal", required: true, onmount: (/** @type {HTMLElement} */ element) => element.focus() }),
        h("button", { disabled: app.isBusy }, t("takeCash")),
      ),
    ),
    showCard(app),
    showCodes(app),
  );
}

/** @param {App} app @param {string} text */
async function payTyped(app, text) {
  await payCash(app, requireAmount(app, text));
}

/** Return a typed amount above zero. @param {App} app @param {string} text */
function requireAmount(app, text) {
  const read = readNumber(text, app.exponent, true);
  if (read === null || compareAmounts(read, "0") <= 0) throw new Error(t("badAmount"));
  return read;
}

/** @param {string} amount */
function fill(amount) {
  return (/** @type {HTMLInputElement} */ element) => (element.value = amount);
}

/** @param {App} app */
function showCard(app) {
  const left = computeLeft(app);
  const pay = (/** @type {any} */ { amount, reference }) =>
    app.run(() => payCard(app, requireAmount(app, amount), reference.trim()));
  return h(
    "section",
    { "aria-labelledby": "card-title" },
    h("h2", { id: "card-title" }, t("card")),
    app.settings.readers?.length ? showReader(app, left) : null,
    h("p", { class: "hint" }, t("cardHint")),
    form(
      pay,
      { key: `card ${left}` },
      field(t("amount"), { name: "amount", inputmode: "decimal", required: true, onmount: fill(left) }),
      field(t("slip"), { name: "reference", maxlength: 100 }),
      h("button", { disabled: app.isBusy }, t("cardCharged")),
    ),
  );
}

/** The reader of the register, which the server charges. @param {App} app @param {string} left */
function showReader(app, left) {
  return form(
    ({ charged }) => app.run(() => chargeReader(app, requireAmount(app, charged))),
    { key: `reader ${left}`, class: "row" },
    field(t("amountAtReader"), { name: "charged", inputmode: "decimal", required: true, onmount: fill(left) }),
    h("button", { class: "primary", name: "charge", disabled: app.isBusy || !app.isOnline }, t("charge")),
  );
}

/** Vouchers and store credit. @param {App} app */
function showCodes(app) {
  const left = computeLeft(app);
  return h(
    "section",
    { "aria-labelledby": "codes-title" },
    h("h2", { id: "codes-title" }, t("codes")),
    app.credit ? showCredit(app, left) : showCreditSearch(app),
    form(
      (/** @type {any} */ values) => app.run(() => payVoucher(app, requireAmount(app, values["voucher-amount"]), values.voucher.trim())),
      { key: `voucher ${left}` },
      field(t("voucherNumber"), { name: "voucher", maxlength: 100 }),
      field(t("voucherAmount"), { name: "voucher-amount", inputmode: "decimal", required: true }),
      h("button", { disabled: app.isBusy }, t("takeVoucher")),
    ),
  );
}

/** @param {App} app */
function showCreditSearch(app) {
  return form(
    ({ credit }) => app.run(() => findCredit(app, credit.trim())),
    { key: "credit", class: "row" },
    field(t("creditCodeOf"), { name: "credit", required: true, maxlength: 64, autocapitalize: "characters" }),
    h("button", { disabled: app.isBusy || !app.isOnline }, t("checkBalance")),
  );
}

/** @param {App} app @param {string} left */
function showCredit(app, left) {
  const { balance } = app.credit;
  const amount = compareAmounts(balance, left) < 0 ? balance : left;
  return form(
    (/** @type {any} */ values) => app.run(() => payCredit(app, requireAmount(app, values["credit-amount"]))),
    { key: `use ${app.credit.id} ${left}`, class: "row" },
    h("p", { class: "balance", role: "status" }, t("creditBalance", { amount: money(app, balance) })),
    field(t("amount"), { name: "credit-amount", inputmode: "decimal", required: true, onmount: fill(amount) }),
    h("button", { class: "primary", disabled: app.isBusy || !app.isOnline }, t("useCredit")),
    button(t("cancel"), () => app.update({ credit: null }), { name: "other-credit" }),
  );
}
