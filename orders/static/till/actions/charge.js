/**
 * Sales that the server keeps open until they are paid: a card at a reader, whose outcome takes its time.
 *
 * Such a sale has the state `open` on the device from before it is sent, with the order as it was answered
 * last. Nothing is shown as done, and nothing is charged again, before the server has told the outcome.
 */

import { Refused, Unreachable } from "../api/client.js";
import { explain } from "../api/explain.js";
import { renewCart } from "../money/cart.js";
import { t } from "../texts/texts.js";
import { repeatWithApproval } from "./approval.js";
import { findPending } from "./order.js";
import { beginSale, endSentSale, findApproval, handleRefusal, restoreCart, sendSale } from "./sale.js";
import { saveSale } from "./sync.js";

/** @typedef {import("../app.js").App} App */

const PAYMENT_TIMEOUT = 8_000;
const WAIT_SECONDS = 15;
const PAUSE = 1_000;

/** Charge a card at the reader of the register. @param {App} app @param {string} amount */
export async function chargeReader(app, amount) {
  const payment = { id: crypto.randomUUID(), method: "card", amount };
  if (app.openSale) return addPayment(app, payment);
  await sellOnServer(app, [...app.parts, payment]);
}

/** Pay for returned goods with a new store credit. @param {App} app @param {string} amount */
export async function payOutAsCredit(app, amount) {
  await sellOnServer(app, [...app.parts, { id: crypto.randomUUID(), method: "store_credit", amount }]);
}

/** Sell what only the server can complete. @param {App} app @param {any[]} payments @param {string} [approval] */
async function sellOnServer(app, payments, approval = findApproval(app)) {
  if (!app.isOnline || !app.api.access) throw new Error(t("readerOffline"));
  const sale = await beginSale(app, payments, "open");
  let order;
  try {
    order = await sendSale(app, sale, approval);
  } catch (error) {
    if (error instanceof Unreachable) return waitForAnswer(app, sale);
    await restoreCart(app, sale);
    return handleRefusal(app, error, (given) => sellOnServer(app, payments, given));
  }
  await followOrder(app, sale, order);
}

/** Add a payment to the order that is open on the server. @param {App} app @param {any} payment */
export async function addPayment(app, payment) {
  const sale = app.openSale;
  let order;
  try {
    order = await app.api.post(`orders/${sale.id}/payments/`, payment, { timeout: PAYMENT_TIMEOUT });
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    return waitForAnswer(app, sale);
  }
  await followOrder(app, sale, order);
}

/** Show that nobody knows yet whether the server has a payment, and ask until it answers. @param {App} app @param {any} sale */
async function waitForAnswer(app, sale) {
  await saveSale(app, { ...sale, open_order: null });
  app.update({ phase: "charging", message: "" });
  awaitOutcome(app);
}

/** Go on as the server says: done, waiting for the card, or to be paid otherwise. @param {App} app @param {any} sale @param {any} order */
async function followOrder(app, sale, order) {
  const captured = order.payments.filter((/** @type {any} */ each) => each.status === "captured");
  if (order.status === "completed") {
    app.codes = order.store_credit_codes ?? [];
    return endSentSale(app, { ...sale, payments: captured }, { ...order, payments: captured });
  }
  const isOfCart = app.cart.id === sale.id;
  await saveSale(app, { ...sale, open_order: order }, isOfCart ? { parts: [] } : {});
  if (isOfCart) app.parts = [];
  const last = order.payments.at(-1);
  const isRefused = last && ["declined", "canceled"].includes(last.status);
  const message = isRefused ? t(last.status === "declined" ? "cardDeclined" : "cardCanceled", { reason: last.reason }) : "";
  app.update({ phase: app.choosePhase(), dialog: null, message });
  if (findPending(order)) awaitOutcome(app);
}

/** Ask for the outcome until it is known, as long as the screen waits for it. @param {App} app */
export async function awaitOutcome(app) {
  if (app.isAwaiting) return;
  app.isAwaiting = true;
  try {
    while (app.phase === "charging" && app.openSale && app.api.access) {
      await lookUp(app).catch((error) => {
        if (!(error instanceof Unreachable)) app.say(explain(error));
      });
      await new Promise((resolve) => setTimeout(resolve, PAUSE));
    }
  } finally {
    app.isAwaiting = false;
  }
}

/** @param {App} app */
async function lookUp(app) {
  const sale = app.openSale;
  const pending = findPending(sale.open_order);
  if (pending) await app.api.send("GET", `payments/${pending.id}/?wait=${WAIT_SECONDS}`, undefined, { timeout: 30_000 });
  const order = await loadOrder(app, sale.id);
  // Somebody may have canceled it, or locked the register, meanwhile.
  if (app.phase !== "charging" || app.openSale !== sale) return;
  if (order) return followOrder(app, sale, order);
  await restoreCart(app, sale);
  app.update({ phase: "pay", message: t("notCharged") });
}

/** @param {App} app @param {string} id */
async function loadOrder(app, id) {
  try {
    return await app.api.get(`orders/${id}/`);
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

/** Go on with a sale that was open when the page was closed or the register was locked. @param {App} app */
export async function resumeOpenSale(app) {
  const sale = app.openSale;
  if (!sale) return;
  app.update({ phase: "charging" });
  awaitOutcome(app);
}

/** Stop the reader. @param {App} app */
export async function cancelCharge(app) {
  const sale = app.openSale;
  const pending = findPending(sale?.open_order);
  if (!pending) return;
  const order = await app.api.post(`payments/${pending.id}/cancel/`);
  await followOrder(app, sale, order);
  if (findPending(order)) app.say(t("cardProcessing"));
}

/** Give a payment of the open order back. @param {App} app @param {string} id */
export async function cancelPayment(app, id) {
  const sale = app.openSale;
  await repeatWithApproval(app, {}, async (body) => followOrder(app, sale, await app.api.post(`payments/${id}/cancel/`, body)));
}

/** Give the order up, and return to the cart. Its number and its ids are used, so that the cart gets others. @param {App} app */
export async function abandonSale(app) {
  const sale = app.openSale;
  await repeatWithApproval(app, { reason: t("abandoned") }, async (body) => {
    await app.api.post(`orders/${sale.id}/void/`, body);
    const cart = renewCart(sale.cart);
    await app.store.dropSale(sale, { cart, parts: [], drawer: sale.drawer_before ?? null });
    app.sales = app.sales.filter(({ id }) => id !== sale.id);
    app.update({ cart, parts: [], history: [], selected: cart.lines.at(-1)?.id ?? null, dialog: null, phase: app.choosePhase(), message: "" });
  });
}
