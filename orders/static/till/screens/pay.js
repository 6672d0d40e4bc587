/** Paying: cash by its usual notes, a card at a stand-alone terminal, or a part of each. */

import { computeCashDue, computeLeft, payCard, payCash, removePart } from "../actions/payment.js";
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
    h("p", { class: "due" }, h("span", null, t(app.parts.length ? "left" : "total")), h("output", null, money(app, computeLeft(app)))),
    showParts(app),
    isPaidOut(due) ? showPayOut(app, due) : showMethods(app, due),
    app.parts.length
      ? null
      : button(t("back"), () => app.update({ phase: "sell", message: "" }), { key: "Escape", class: "quiet", disabled: app.isBusy }),
  );
}

/** @param {App} app */
function showParts(app) {
  return h(
    "ul",
    { class: "parts" },
    app.parts.map((part) =>
      h(
        "li",
        { key: part.id },
        h("span", null, `${t(part.method)} ${part.reference ?? ""}`),
        h("span", null, money(app, part.amount)),
        button(t("giveBack"), () => app.run(() => removePart(app, part.id)), { name: "remove", disabled: app.isBusy }),
      ),
    ),
  );
}

/** @param {App} app @param {string} due */
function showPayOut(app, due) {
  const pay = () => app.run(() => payCash(app, due));
  return button(t("payOut", { amount: money(app, due.replace("-", "")) }), pay, { class: "primary", name: "pay-out", disabled: app.isBusy });
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
  );
}

/** @param {App} app @param {string} text */
async function payTyped(app, text) {
  const amount = readNumber(text, app.exponent, true);
  if (amount === null || compareAmounts(amount, "0") <= 0) throw new Error(t("badAmount"));
  await payCash(app, amount);
}

/** @param {App} app */
function showCard(app) {
  const pay = (/** @type {any} */ { amount, reference }) =>
    app.run(async () => {
      const read = readNumber(amount, app.exponent, true);
      if (read === null || compareAmounts(read, "0") <= 0) throw new Error(t("badAmount"));
      await payCard(app, read, reference.trim());
    });
  return h(
    "section",
    { "aria-labelledby": "card-title" },
    h("h2", { id: "card-title" }, t("card")),
    h("p", { class: "hint" }, t("cardHint")),
    form(
      pay,
      { key: `card ${computeLeft(app)}` },
      field(t("amount"), { name: "amount", inputmode: "decimal", required: true, onmount: (/** @type {HTMLInputElement} */ element) => (element.value = computeLeft(app)) }),
      field(t("slip"), { name: "reference", maxlength: 100, required: true }),
      h("button", { disabled: app.isBusy }, t("cardCharged")),
    ),
  );
}
