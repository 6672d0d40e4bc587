/**
 * Sales that the server keeps open until they are paid: a card at a reader, whose outcome takes its time.
 *
 * Such a sale has the state `open` on the device from before it is sent, with the order as it was answered
 * last. Nothing is shown as done, and nothing else is charged, before the outcome is known from the server. A request
 * whose answer was lost may still arrive: until it is answered it is sent again with the same ids.
 */

import { Refused, Unreachable } from "../api/client.js";
import { explain } from "../api/explain.js";
import { t } from "../texts/texts.js";
import { repeatWithApproval } from "./approval.js";
import { findPending, isMade, requireOrder } from "./order.js";
import { beginSale, endSentSale, findApproval, findOrder, handleRefusal, postSale, restoreCart, restoreVoided, sendSale } from "./sale.js";
import { saveSale } from "./sync.js";

/** @typedef {import("../app.js").App} App */

const PAYMENT_TIMEOUT = 8_000;
const WAIT_SECONDS = 15;
const PAUSE = 1_000;
const UNAUTHORIZED = 401;
const CONFLICT = 409;
const TOO_MANY = 429;

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
  const sale = await beginSale(app, payments, { state: "open", ...(approval ? { approval } : {}) });
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
    order = await postPayment(app, sale, payment);
  } catch (error) {
    if (error instanceof Unreachable) return waitForAnswer(app, { ...sale, unanswered: payment });
    return followRefusal(app, sale, error);
  }
  await followOrder(app, sale, order);
}

/** @param {App} app @param {any} sale @param {any} payment */
async function postPayment(app, sale, payment) {
  const order = await app.api.post(`orders/${sale.id}/payments/`, payment, { timeout: PAYMENT_TIMEOUT });
  return requireOrder(app.api, order, sale.id);
}

/**
 * Change the open order, and go on as the server says, also if the answer is lost or somebody else has
 * changed the order: it may be completed or voided. Returns the order as it was answered, or null.
 *
 * @param {App} app
 * @param {any} sale
 * @param {string} path
 * @param {any} [body]
 */
async function changeOrder(app, sale, path, body) {
  let order;
  try {
    order = requireOrder(app.api, await app.api.post(path, body), sale.id);
  } catch (error) {
    if (error instanceof Unreachable) await waitForAnswer(app, sale);
    else await followRefusal(app, sale, error);
    return null;
  }
  await followOrder(app, sale, order);
  return order;
}

/** Show the order as it is now; if it is still open, why the change was refused. @param {App} app @param {any} sale @param {unknown} error */
async function followRefusal(app, sale, error) {
  const order = isConflict(error) ? await findOrder(app, sale.id) : null;
  if (order) await followOrder(app, sale, order);
  if (!order || app.openSale) throw error;
}

/** @param {unknown} error */
function isConflict(error) {
  return error instanceof Refused && error.status === CONFLICT;
}

/** Show that nobody knows yet whether the server has a payment, and ask until it answers. @param {App} app @param {any} sale */
async function waitForAnswer(app, sale) {
  await saveSale(app, { ...sale, open_order: null });
  app.update({ phase: "charging", dialog: null, message: "" });
  awaitOutcome(app);
}

/** Go on as the server says: done, waiting for the card, or to be paid otherwise. @param {App} app @param {any} sale @param {any} order */
export async function followOrder(app, sale, order) {
  if (order.status === "voided") {
    await restoreVoided(app, sale);
    return app.update({ dialog: null, phase: app.choosePhase(), message: t("orderVoided") });
  }
  const captured = order.payments.filter((/** @type {any} */ each) => each.status === "captured");
  if (isMade(order)) {
    app.codes = order.store_credit_codes ?? [];
    return endSentSale(app, { ...sale, payments: captured }, { ...order, payments: captured });
  }
  const isOfCart = app.cart.id === sale.id;
  await saveSale(app, { ...sale, open_order: order, unanswered: null }, isOfCart ? { parts: [] } : {});
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
  const order = await findOrder(app, sale.id);
  if (!isAwaited(app, sale)) return;
  if (!order) return repeatSale(app, sale);
  const { unanswered } = sale;
  const isKnown = !unanswered || order.payments.some((/** @type {any} */ each) => each.id === unanswered.id);
  if (isKnown || order.status !== "open") return followOrder(app, sale, order);
  await repeatPayment(app, sale, unanswered);
}

/** Return whether the screen still waits for a sale: somebody may have canceled it, or locked the register. @param {App} app @param {any} sale */
function isAwaited(app, sale) {
  return app.phase === "charging" && app.openSale === sale;
}

/** Send a sale again that the server does not have yet; only its refusal says that nothing is charged. @param {App} app @param {any} sale */
async function repeatSale(app, sale) {
  let order;
  try {
    order = await postSale(app, sale, sale.approval);
  } catch (error) {
    if (!isDecision(error) || !isAwaited(app, sale)) throw error;
    await restoreCart(app, sale);
    app.update({ phase: "pay" });
    return handleRefusal(app, error, (given) => sellOnServer(app, sale.payments, given));
  }
  if (isAwaited(app, sale)) await followOrder(app, sale, order);
}

/** Send a payment again that the server does not have yet. @param {App} app @param {any} sale @param {any} payment */
async function repeatPayment(app, sale, payment) {
  let order;
  try {
    order = await postPayment(app, sale, payment);
  } catch (error) {
    if (!isDecision(error) || !isAwaited(app, sale)) throw error;
    order = requireOrder(app.api, await app.api.get(`orders/${sale.id}/`), sale.id);
    if (!isAwaited(app, sale)) return;
    await followOrder(app, sale, order);
    if (app.openSale) throw error;
    return;
  }
  if (isAwaited(app, sale)) await followOrder(app, sale, order);
}

/** Return whether the server has refused what was asked, and not only who asks, or how often. @param {unknown} error */
function isDecision(error) {
  return error instanceof Refused && ![UNAUTHORIZED, TOO_MANY].includes(error.status);
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
  const order = await changeOrder(app, sale, `payments/${pending.id}/cancel/`);
  if (findPending(order)) app.say(t("cardProcessing"));
}

/** Give a payment of the open order back. @param {App} app @param {string} id */
export async function cancelPayment(app, id) {
  const sale = app.openSale;
  await repeatWithApproval(app, {}, (body) => changeOrder(app, sale, `payments/${id}/cancel/`, body));
}

/** Give the order up, and return to the cart. @param {App} app */
export async function abandonSale(app) {
  const sale = app.openSale;
  await repeatWithApproval(app, { reason: t("abandoned") }, (body) => changeOrder(app, sale, `orders/${sale.id}/void/`, body));
}
