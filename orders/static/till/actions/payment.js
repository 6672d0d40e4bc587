/** Payment: cash, cards, and parts of both. */

import { Unreachable } from "../api/client.js";
import { isPaidOut } from "../money/cart.js";
import { compareAmounts, settleCash, subtract, sumAmounts } from "../money/engine.js";
import { findCartOverLimit } from "../money/limits.js";
import { chooseCashRule } from "../money/shop.js";
import { t } from "../texts/texts.js";
import { addPayment, cancelPayment, followOrder } from "./charge.js";
import { isMade } from "./order.js";
import { beginSale, endSale, endSentSale, findApproval, handleRefusal, restoreCart, sendSale } from "./sale.js";

/** @typedef {import("../app.js").App} App */

/** Return the approval that the cart needs, or null. @param {App} app */
export function findOverLimit(app) {
  return findCartOverLimit(app.cart, app.priced, app.catalog, app.settings.tenant, app.person.role);
}

/**
 * Show the screen for payments. What is above the limits of the person is approved before money is taken;
 * without a connection it is allowed, and flagged by the server.
 *
 * @param {App} app
 */
export function startPaying(app) {
  if (!app.cart.lines.length) return;
  app.credit = null;
  const over = findOverLimit(app);
  const isAsked = over && app.approval?.cart !== app.cart;
  if (!isAsked) return app.update({ phase: "pay", message: "" });
  if (!app.isOnline || !app.api.access) return app.update({ phase: "pay", message: t("overLimitOffline") });
  const problem = { ...over, object: { order: app.cart.id }, detail: t("overLimit") };
  const repeat = async (/** @type {string} */ id) =>
    app.update({ approval: { id, cart: app.cart }, dialog: null, phase: "pay", message: "" });
  app.update({ dialog: { kind: "approval", problem, repeat } });
}

/** Return what was paid of the cart: on the device, or of its order on the server. @param {App} app */
export function listParts(app) {
  const order = app.openSale?.open_order;
  return order ? order.payments.filter((/** @type {any} */ each) => each.status === "captured") : app.parts;
}

/** @param {App} app */
export function computeLeft(app) {
  const order = app.openSale?.open_order;
  if (order) return order.due;
  return subtract(app.priced.total, sumAmounts(app.parts.map(({ amount }) => amount), app.exponent), app.exponent);
}

/** Return what a cash payment of the rest comes to. @param {App} app */
export function computeCashDue(app) {
  const order = app.openSale?.open_order;
  if (order) return order.cash_due;
  return settleCash(computeLeft(app), null, chooseCashRule(app.settings.tenant), app.priced.total).payable;
}

/**
 * Take cash: the rest, with change, or a part if it does not suffice.
 *
 * @param {App} app
 * @param {string} tendered
 */
export async function payCash(app, tendered) {
  const due = computeCashDue(app);
  const isRest = isPaidOut(due) || compareAmounts(tendered, due) >= 0;
  const payment = { id: crypto.randomUUID(), method: "cash", amount: isRest ? due : tendered };
  if (!isRest) return payPart(app, payment);
  if (app.openSale) return addPayment(app, { id: payment.id, method: "cash", tendered });
  if (isPaidOut(due)) return finishSale(app, [...app.parts, payment]);
  const change = subtract(tendered, due, app.exponent);
  await finishSale(app, [...app.parts, { ...payment, tendered, change }]);
}

/** Sell: write the sale durably, send it, and only then show the change. @param {App} app @param {any[]} payments @param {string} [approval] */
async function finishSale(app, payments, approval = findApproval(app)) {
  const sale = await beginSale(app, payments);
  let order;
  try {
    order = await sendSale(app, sale, approval);
  } catch (error) {
    if (error instanceof Unreachable) return endSale(app, { ...sale, state: "unsent" });
    await restoreCart(app, sale);
    return handleRefusal(app, error, (given) => finishSale(app, payments, given));
  }
  // The payments did not suffice, or somebody has voided it: it is no sale yet.
  if (!isMade(order)) return followOrder(app, { ...sale, state: "open" }, order);
  await endSentSale(app, sale, order);
}

/** Take a card that a stand-alone reader has charged. @param {App} app @param {string} amount @param {string} reference */
export async function payCard(app, amount, reference) {
  const slip = reference ? { reference } : {};
  await payPart(app, { id: crypto.randomUUID(), method: "card", amount, entry: "external", ...slip });
}

/** Take a voucher. @param {App} app @param {string} amount @param {string} reference */
export async function payVoucher(app, amount, reference) {
  const number = reference ? { reference } : {};
  await payPart(app, { id: crypto.randomUUID(), method: "voucher", amount, ...number });
}

/** Look a store credit up by its code, and show its balance. @param {App} app @param {string} code */
export async function findCredit(app, code) {
  const { results } = await app.api.get("store-credits/", { code });
  const [found] = results;
  if (!found) throw new Error(t("unknownCredit"));
  if (!found.is_active) throw new Error(t("blockedCredit"));
  app.update({ credit: { ...found, code } });
}

/** Pay with the store credit that was looked up. @param {App} app @param {string} amount */
export async function payCredit(app, amount) {
  const { code, balance } = app.credit;
  if (compareAmounts(amount, balance) > 0) throw new Error(t("creditTooLow", { balance }));
  await payPart(app, { id: crypto.randomUUID(), method: "store_credit", amount, reference: code });
  app.update({ credit: null });
}

/** @param {App} app @param {any} payment */
async function payPart(app, payment) {
  if (app.openSale) return addPayment(app, payment);
  const rule = chooseCashRule(app.settings.tenant);
  if (payment.method === "cash") {
    const { outcome } = settleCash(computeLeft(app), payment.amount, rule, app.priced.total);
    if (outcome !== "part") throw new Error(t("notInCoins"));
  } else if (compareAmounts(payment.amount, computeLeft(app)) > 0) {
    throw new Error(t("tooMuch"));
  }
  const parts = [...app.parts, payment];
  const left = subtract(computeLeft(app), payment.amount, app.exponent);
  // A card that was charged must not be forgotten.
  await app.store.set({ parts });
  app.update({ parts });
  if (compareAmounts(left, "0") <= 0) await finishSale(app, parts);
}

/** Forget a part that was given back to the customer. @param {App} app @param {string} id */
export async function removePart(app, id) {
  if (app.openSale) return cancelPayment(app, id);
  const parts = app.parts.filter((part) => part.id !== id);
  await app.store.set({ parts });
  app.update({ parts });
}
