/** The form of a refund, and what was refunded. */

import { printDocument } from "../actions/print.js";
import { cancelRefund, changeRefund, followRefund, isAtReader, previewRefund, refundEverything, resolveRefund, sendRefund } from "../actions/receipt.js";
import { countLeft, isRefunded } from "../money/refund.js";
import { locale, t } from "../texts/texts.js";
import { formatNumber } from "./format.js";
import { button, field, form, money } from "./parts.js";
import { h } from "./render.js";

/** @typedef {import("../app.js").App} App */

/** @param {HTMLElement} element */
function focusFirst(element) {
  element.querySelector("input")?.focus();
  scrollTo(element);
}

/** @param {HTMLElement} element */
function scrollTo(element) {
  element.scrollIntoView({ block: "start" });
}

/** @param {App} app @param {any} order */
export function showRefundForm(app, order) {
  const plan = previewRefund(app);
  const lines = order.lines.filter((/** @type {any} */ line) => !isRefunded(line));
  return h(
    "section",
    { class: "card", key: "refund", onmount: focusFirst },
    h("h2", null, t("refundTitle")),
    form(
      () => app.run(() => sendRefund(app)),
      {},
      h("ul", { class: "sales" }, lines.map((/** @type {any} */ line) => showLine(app, line))),
      h("div", { class: "choices" }, button(t("refundAll"), () => refundEverything(app), { name: "all", key: "F8" })),
      showFields(app, order, plan),
      plan ? showPlan(app, plan) : null,
      h("button", { class: "primary", disabled: app.isBusy || !app.isOnline || !plan }, t("refundNow")),
    ),
    button(t("cancel"), () => app.update({ refund: null, message: "" }), { name: "cancel", key: "Escape", class: "quiet", disabled: app.isBusy }),
  );
}

/** @param {App} app @param {any} line */
function showLine(app, line) {
  const { quantities, waste } = app.refund;
  const left = countLeft(line);
  const set = (/** @type {any} */ event) => changeRefund(app, { amount: "", quantities: { ...quantities, [line.id]: event.target.value.trim() } });
  const throwAway = (/** @type {any} */ event) => changeRefund(app, { waste: { ...waste, [line.id]: event.target.checked } });
  return h(
    "li",
    { key: line.id },
    h("span", { class: "grow" }, line.name),
    h(
      "label",
      { class: "amount-of" },
      h("span", null, t("ofLeft", { left: formatNumber(left, locale) })),
      h("input", { name: `quantity ${line.id}`, inputmode: "decimal", autocomplete: "off", size: 6, placeholder: "0", value: quantities[line.id] ?? "", oninput: set }),
    ),
    h("label", { class: "choice" }, h("input", { type: "checkbox", name: `waste ${line.id}`, checked: Boolean(waste[line.id]), onchange: throwAway }), h("span", null, t("waste"))),
  );
}

/** Return how the money can be paid back. @param {any} order */
function listMethods(order) {
  const methods = order.payments.filter((/** @type {any} */ each) => each.status === "captured").map((/** @type {any} */ each) => each.method);
  const isByCard = methods.length && methods.every((/** @type {string} */ each) => each === "card");
  return ["", "cash", "store_credit", ...(isByCard ? ["card"] : [])];
}

/** @param {App} app @param {any} order @param {import("../money/refund.js").Payout[] | any} plan */
function showFields(app, order, plan) {
  const { amount, method, reference, reason } = app.refund;
  const set = (/** @type {string} */ name) => (/** @type {any} */ event) => changeRefund(app, { [name]: event.target.value });
  const isSlipNeeded = (plan?.payouts ?? []).some((/** @type {any} */ each) => each.entry === "external");
  const isCredit = method === "store_credit";
  return [
    field(t("amountWithoutGoods"), {
      name: "refund-amount",
      inputmode: "decimal",
      value: amount,
      oninput: (/** @type {any} */ event) => changeRefund(app, { amount: event.target.value.trim(), quantities: {} }),
    }),
    h(
      "label",
      { class: "field", key: "method" },
      h("span", null, t("refundMethod")),
      h(
        "select",
        { name: "method", value: method, onchange: set("method") },
        listMethods(order).map((each) => h("option", { value: each, key: each }, each ? t(each) : t("asPaid"))),
      ),
    ),
    isSlipNeeded || isCredit
      ? field(t(isSlipNeeded ? "refundSlip" : "existingCredit"), { name: "reference", maxlength: 64, required: isSlipNeeded, value: reference, oninput: set("reference") })
      : null,
    field(t("reason"), { name: "reason", required: true, maxlength: 200, value: reason, oninput: set("reason") }),
  ];
}

/** What is paid back, by method, before the refund is made. @param {App} app @param {{total: string, payouts: import("../money/refund.js").Payout[]}} plan */
function showPlan(app, plan) {
  return h(
    "div",
    { class: "totals", key: "plan", role: "status" },
    plan.payouts.map((each, at) =>
      h("p", { key: `${at}` }, h("span", null, t(each.entry === "external" ? "refundAtTerminal" : each.method)), h("span", null, money(app, each.paid))),
    ),
    h("p", { class: "total" }, h("span", null, t("toRefund")), h("output", { id: "refund-total" }, money(app, plan.total))),
  );
}

/** What was refunded, with what is still to do. @param {App} app @param {any} refund */
export function showRefunded(app, refund) {
  const isDone = refund.status === "done";
  const print = () => app.run(() => printDocument(app, `refunds/${refund.id}/receipt/`));
  return h(
    "section",
    { class: "card refunded", key: "refunded", onmount: scrollTo },
    h("h2", null, t(`refund_${refund.status}`)),
    refund.payouts.map((/** @type {any} */ each) =>
      h(
        "p",
        { class: "due", key: each.id },
        h("span", null, each.status === "done" ? t(each.method) : `${t(each.method)} · ${t(`payout_${each.status}`)}`),
        h("output", null, money(app, each.paid)),
      ),
    ),
    (refund.store_credit_codes ?? []).map((/** @type {any} */ each) =>
      h("p", { key: `code ${each.payout}`, class: "change" }, h("span", null, t("creditCode")), h("output", { class: "code" }, each.code)),
    ),
    isDone ? button(t("printRefund"), print, { name: "print", class: "primary", disabled: app.isBusy || !app.isOnline }) : showPending(app, refund),
  );
}

/** A card that has not been refunded yet, or that was declined. @param {App} app @param {any} refund */
function showPending(app, refund) {
  const isDisabled = app.isBusy || !app.isOnline;
  const isManager = ["manager", "admin"].includes(app.person.role);
  const isDeclined = refund.payouts.some((/** @type {any} */ each) => each.status === "declined");
  if (refund.status === "failed") return h("p", null, t("refundFailed"));
  return [
    h("p", null, t(isDeclined ? "refundDeclined" : "refundWaits")),
    h(
      "div",
      { class: "choices" },
      button(t("askAgain"), () => app.run(() => followRefund(app, refund)), { name: "ask", disabled: isDisabled }),
      isAtReader(refund) ? button(t("stopReader"), () => app.run(() => cancelRefund(app, refund)), { name: "stop", disabled: isDisabled }) : null,
      isManager && refund.status === "pending"
        ? [
            button(t("lookUpAgain"), () => app.run(() => resolveRefund(app, refund, "")), { name: "resolve", disabled: isDisabled }),
            isDeclined ? button(t("payInCash"), () => app.run(() => resolveRefund(app, refund, "cash")), { name: "resolve-cash", disabled: isDisabled }) : null,
          ]
        : null,
    ),
  ];
}
