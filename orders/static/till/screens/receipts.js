/** Receipts that were made before: search, show, print and send again. */

import { beginRefund, findReceipt, loadReceipt, openReceipts, searchReceipts } from "../actions/receipt.js";
import { printDocument } from "../actions/print.js";
import { compareAmounts } from "../money/engine.js";
import { isRefunded } from "../money/refund.js";
import { locale, t } from "../texts/texts.js";
import { formatDateTime, formatNumber } from "./format.js";
import { button, cameraButton, field, form, money } from "./parts.js";
import { showRefundForm, showRefunded } from "./refund.js";
import { requireNumber } from "./dialogs/number.js";
import { h } from "./render.js";

/** @typedef {import("../app.js").App} App */

/** @param {App} app */
export function showReceipts(app) {
  return [h("h1", { class: "visually-hidden", key: "title" }, t("receipts")), showSearch(app), app.matches.length ? showMatches(app) : null];
}

/** @param {App} app */
function showSearch(app) {
  const isDisabled = app.isBusy || !app.isOnline;
  const search = (/** @type {any} */ { amount, day }) =>
    app.run(() => searchReceipts(app, requireNumber(amount, app.exponent, true), day));
  return h(
    "section",
    { class: "card", key: "search" },
    h("h2", null, t("findReceipt")),
    app.isOnline ? null : h("p", null, t("receiptsOffline")),
    form(
      ({ code }) => app.run(() => findReceipt(app, code.trim())),
      { key: "by-code", class: "row" },
      field(t("receiptCode"), { name: "code", required: true, maxlength: 64, onmount: (/** @type {HTMLElement} */ element) => element.focus() }),
      h("button", { class: "primary", disabled: isDisabled }, t("find")),
    ),
    app.isOnline ? cameraButton(app) : null,
    form(
      search,
      { key: "by-amount", class: "row" },
      field(t("amountPaid"), { name: "amount", required: true, inputmode: "decimal" }),
      field(t("day"), { name: "day", type: "date" }),
      h("button", { disabled: isDisabled }, t("searchAmount")),
    ),
  );
}

/** @param {App} app */
function showMatches(app) {
  return h(
    "section",
    { class: "card", key: "matches" },
    h("h2", null, t("receipts")),
    h(
      "ul",
      { class: "sales" },
      app.matches.map((order) =>
        h(
          "li",
          { key: order.id },
          h("span", null, `${formatDateTime(order.completed_at, locale)} · ${order.number}`),
          h("span", null, t("receiptNumber", { number: order.receipt_number })),
          h("span", { class: "amount" }, money(app, order.total)),
          button(t("show"), () => app.run(() => loadReceipt(app, order.id)), { name: "show", disabled: app.isBusy || !app.isOnline }),
        ),
      ),
    ),
  );
}

/** @param {App} app */
export function showReceipt(app) {
  const { found, refunded, refund } = app;
  return [
    refunded ? showRefunded(app, refunded) : null,
    showOrder(app, found),
    refund ? showRefundForm(app, found) : null,
  ];
}

/** @param {App} app @param {any} order */
function showOrder(app, order) {
  const sums = [order.receipt_number ? t("receiptNumber", { number: order.receipt_number }) : "", formatDateTime(order.completed_at ?? order.created_at, locale), t(`order_${order.status}`)];
  return h(
    "section",
    { class: "card", key: "order" },
    h("h1", null, t("orderNumber", { number: order.number })),
    h("p", null, sums.filter(Boolean).join(" · ")),
    order.customer?.name ? h("p", null, order.customer.name) : null,
    h("ul", { class: "sales" }, order.lines.map((/** @type {any} */ line) => showLine(app, line))),
    h("div", { class: "totals" }, listTotals(app, order)),
    order.refunds.length ? showRefunds(app, order) : null,
    showTools(app, order),
  );
}

/** @param {App} app @param {any} line */
function showLine(app, line) {
  const isPart = compareAmounts(line.refunded_quantity, "0") > 0;
  const refunded = isPart ? ` · ${t("refundedQuantity", { quantity: formatNumber(line.refunded_quantity, locale) })}` : "";
  return h(
    "li",
    { key: line.id },
    h("span", null, `${formatNumber(line.quantity, locale)} × ${line.name}${refunded}`),
    h("span", { class: "amount" }, money(app, line.total)),
  );
}

/** @param {App} app @param {any} order */
function listTotals(app, order) {
  const row = (/** @type {string} */ key, /** @type {string} */ name, /** @type {string} */ amount) =>
    h("p", { key }, h("span", null, name), h("span", null, money(app, amount)));
  const paid = order.payments.filter((/** @type {any} */ each) => each.status === "captured");
  return [
    row("total", t("total"), order.total),
    paid.map((/** @type {any} */ each) => row(each.id, `${t(each.method)} ${each.reference}`, each.amount)),
    compareAmounts(order.refunded_total, "0") ? row("refunded", t("refundedTotal"), order.refunded_total) : null,
  ];
}

/** @param {App} app @param {any} order */
function showRefunds(app, order) {
  return h(
    "ul",
    { class: "sales", "aria-label": t("refunds") },
    order.refunds.map((/** @type {any} */ refund) =>
      h(
        "li",
        { key: refund.id },
        h("span", null, `${t("refund")} · ${formatDateTime(refund.created_at, locale)} · ${t(`refund_${refund.status}`)}`),
        h("span", { class: "amount" }, money(app, refund.total)),
        button(t("print"), () => app.run(() => printDocument(app, `refunds/${refund.id}/receipt/`)), {
          name: "print-refund",
          disabled: app.isBusy || !app.isOnline || refund.receipt_number === null,
        }),
      ),
    ),
  );
}

/** @param {App} app @param {any} order */
function showTools(app, order) {
  const isDisabled = app.isBusy || !app.isOnline;
  const print = (/** @type {Record<string, string>} */ query) => app.run(() => printDocument(app, `orders/${order.id}/receipt/`, query));
  const isSold = order.receipt_number !== null;
  const isLeft = order.lines.some((/** @type {any} */ line) => !isRefunded(line));
  const mail = { kind: "mail", order: order.id, email: order.customer?.email ?? "" };
  return h(
    "div",
    { class: "choices" },
    button(t("printCopy"), () => print({}), { name: "print-copy", key: "F6", disabled: isDisabled || !isSold }),
    button(t("giftReceipt"), () => print({ prices: "false" }), { name: "gift", disabled: isDisabled || !isSold }),
    button(t("sendMail"), () => app.update({ dialog: mail }), { name: "mail", disabled: isDisabled || !isSold }),
    app.refund ? null : button(t("refund"), () => beginRefund(app), { name: "refund", key: "F7", class: "primary", disabled: isDisabled || !isSold || !isLeft }),
    button(t("otherReceipt"), () => openReceipts(app), { name: "other", key: "F10", class: "quiet", disabled: app.isBusy }),
  );
}
