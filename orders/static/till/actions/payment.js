/** Payment: cash, cards, and parts of both. */

import { isPaidOut } from "../money/cart.js";
import { compareAmounts, settleCash, subtract, sumAmounts } from "../money/engine.js";
import { findCartOverLimit } from "../money/limits.js";
import { chooseCashRule } from "../money/shop.js";
import { t } from "../texts/texts.js";
import { finishSale } from "./sale.js";

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
  const over = findOverLimit(app);
  const isAsked = over && app.approval?.cart !== app.cart;
  if (!isAsked) return app.update({ phase: "pay", message: "" });
  if (!app.isOnline || !app.api.access) return app.update({ phase: "pay", message: t("overLimitOffline") });
  const problem = { ...over, object: { order: app.cart.id }, detail: t("overLimit") };
  const repeat = async (/** @type {string} */ id) =>
    app.update({ approval: { id, cart: app.cart }, dialog: null, phase: "pay", message: "" });
  app.update({ dialog: { kind: "approval", problem, repeat } });
}

/** @param {App} app */
export function computeLeft(app) {
  return subtract(app.priced.total, sumAmounts(app.parts.map(({ amount }) => amount), app.exponent), app.exponent);
}

/** Return what a cash payment of the rest comes to. @param {App} app */
export function computeCashDue(app) {
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
  if (isPaidOut(due)) return finishSale(app, [...app.parts, payment]);
  const change = subtract(tendered, due, app.exponent);
  await finishSale(app, [...app.parts, { ...payment, tendered, change }]);
}

/** Take a card that a stand-alone terminal has charged. @param {App} app @param {string} amount @param {string} reference */
export async function payCard(app, amount, reference) {
  const slip = reference ? { reference } : {};
  await payPart(app, { id: crypto.randomUUID(), method: "card", amount, entry: "external", ...slip });
}

/** @param {App} app @param {any} payment */
async function payPart(app, payment) {
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
  const parts = app.parts.filter((part) => part.id !== id);
  await app.store.set({ parts });
  app.update({ parts });
}
