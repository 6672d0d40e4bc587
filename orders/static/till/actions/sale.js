/** The sale: written on the device, sent, and shown; or back in the cart. */

import { Refused, Unreachable } from "../api/client.js";
import { explain } from "../api/explain.js";
import { buildOrder, buildSale, createCart, paysRest, renewCart } from "../money/cart.js";
import { compareAmounts, sumAmounts } from "../money/engine.js";
import { t } from "../texts/texts.js";
import { isMade, requireOrder, summarize } from "./order.js";
import { loadShift } from "./shift.js";
import { followCatalog, loadEverything, replaceSale, saveSale } from "./sync.js";

/** @typedef {import("../app.js").App} App */

const SALE_TIMEOUT = 8_000;

/** The server has the sale, so that it is done even if the device cannot write that. @param {App} app @param {any} sale @param {any} order */
export async function endSentSale(app, sale, order) {
  const sent = { ...sale, ...useServerAmounts(sale, order), state: "sent", order: summarize(order) };
  const drawer = countCash(app, sale.drawer_before, order.payments);
  try {
    await endSale(app, sent, { drawer });
  } catch (error) {
    // It stays `sending` on the device until this can be written, or is looked up at the next log-in.
    replaceSale(app, { ...sent, is_unwritten: true });
    showDone(app, sent);
    app.say(explain(error));
  }
}

/** Return the approval that was given for this cart before. @param {App} app */
export function findApproval(app) {
  return app.approval?.cart === app.cart ? app.approval.id : undefined;
}

/** @param {App} app @param {any[]} payments @param {{state?: string, approval?: string}} [facts] */
export async function beginSale(app, payments, facts = {}) {
  const { drawer } = await app.store.get("drawer");
  const record = buildSale(app.cart, app.priced, payments, app.person);
  const known = app.sales.find(({ id }) => id === record.id);
  const before = known ? known.drawer_before : (drawer ?? null);
  const sale = { ...record, state: "sending", ...facts, drawer_before: before };
  const saved = await app.store.startSale(sale, { drawer: countCash(app, before, payments) });
  replaceSale(app, saved);
  return saved;
}

/** Return the drawer with the cash of one more sale. @param {App} app @param {any} before @param {any[]} payments */
function countCash(app, before, payments) {
  const cash = payments.filter(({ method }) => method === "cash").map(({ amount }) => amount);
  return {
    ...before,
    shift: app.shift?.id ?? null,
    cash: sumAmounts([before?.cash ?? "0", ...cash], app.exponent),
    sales: (before?.sales ?? 0) + 1,
  };
}

/** @param {App} app @param {any} sale @param {string} [approval] */
export async function sendSale(app, sale, approval) {
  if (!app.isOnline || !app.api.access) throw new Unreachable("There is no connection.");
  if (!sale.payments.some(paysRest)) await ensureSameTotal(app, sale, buildOrder(sale, approval));
  return postSale(app, sale, approval);
}

/** Make the order of a sale; by its id it is made once, however often it is sent. @param {App} app @param {any} sale @param {string} [approval] */
export async function postSale(app, sale, approval) {
  const order = await app.api.post("orders/", buildOrder(sale, approval), { timeout: SALE_TIMEOUT });
  return requireOrder(app.api, order, sale.id);
}

/** Ask the server for the total that a card must have paid exactly. @param {App} app @param {any} sale @param {any} body */
async function ensureSameTotal(app, sale, body) {
  const { device_sequence: sequence, payments, approval, ...basket } = body;
  const { total } = await app.api.post("orders/calculate/", { ...basket, register: app.pairing.register.id });
  if (compareAmounts(total, sale.total) === 0) return;
  await loadEverything(app);
  throw new Error(t("pricesChanged", { before: sale.total, after: total }));
}

/** Write the outcome of a sale, and only then show it. @param {App} app @param {any} sale @param {Record<string, any>} [values] */
export async function endSale(app, sale, values) {
  const isOfCart = app.cart.id === sale.id;
  await saveSale(app, sale, isOfCart ? { ...values, cart: createCart(), parts: [] } : values);
  showDone(app, sale);
}

/** @param {App} app @param {any} sale */
function showDone(app, sale) {
  const empty = { cart: createCart(), history: [], selected: null, parts: [] };
  const next = app.cart.id === sale.id ? empty : {};
  app.update({ ...next, lastSale: sale, phase: "done", dialog: null, query: "" });
}

/** @param {App} app @param {unknown} error @param {(approval: string) => Promise<any>} repeat */
export async function handleRefusal(app, error, repeat) {
  if (!(error instanceof Refused)) throw error;
  if (error.code === "no_open_shift") {
    await loadShift(app);
    app.update({ phase: "open" });
  } else if (error.problem.action && isPriceOutdated(app, error)) {
    const before = app.priced.total;
    await followCatalog(app);
    const after = app.priced.total;
    // The same price again: the clock of the device is wrong, so that another list price applies.
    if (after === before) return askForApproval(app, error.problem, repeat);
    throw new Error(t("pricesChanged", { before, after }));
  } else if (error.problem.action) {
    return askForApproval(app, error.problem, repeat);
  }
  throw error;
}

/** Let a manager approve a sale, and make it then. @param {App} app @param {any} problem @param {(approval: string) => Promise<any>} repeat */
function askForApproval(app, problem, repeat) {
  app.update({ dialog: { kind: "approval", problem, repeat } });
}

/** A price that nobody has typed is that of the catalog before it changed. @param {App} app @param {Refused} error */
function isPriceOutdated(app, error) {
  return error.problem.action === "price_override" && app.cart.lines.every(({ price }) => !price);
}

/** @param {App} app */
export function startNext(app) {
  app.update({ phase: "sell", lastSale: null, codes: [], message: "" });
}

/** Find out about sales whose answer was lost when the page was closed: no screen has shown them as done. @param {App} app */
export async function resolveInterrupted(app) {
  for (const sale of app.sales.filter(({ state }) => state === "sending")) {
    const order = await findOrder(app, sale.id);
    if (!order) await restoreCart(app, sale);
    else if (order.status === "voided") await restoreVoided(app, sale);
    else if (!isMade(order)) await saveSale(app, { ...sale, state: "open", open_order: order });
    else {
      if (app.cart.id === sale.id) Object.assign(app, { cart: createCart(), parts: [] });
      const { cart, parts } = app;
      const drawer = countCash(app, sale.drawer_before, order.payments);
      await saveSale(app, { ...sale, state: "sent", order: summarize(order) }, { cart, parts, drawer });
    }
  }
}

/**
 * Without a connection nobody knows whether the server has an interrupted sale: complete it as it was paid,
 * so that it is there once in both cases.
 *
 * @param {App} app
 */
export async function completeInterrupted(app) {
  for (const sale of app.sales.filter(({ state }) => state === "sending")) {
    await endSale(app, { ...sale, state: "unsent" });
  }
}

/** Return the order of the server, or null if it has none. @param {App} app @param {string} id */
export async function findOrder(app, id) {
  try {
    return requireOrder(app.api, await app.api.get(`orders/${id}/`), id);
  } catch (error) {
    if (error instanceof Refused && error.status === 404) return null;
    throw error;
  }
}

/** Put a sale that was not made back into the cart. @param {App} app @param {any} sale */
export async function restoreCart(app, sale) {
  const { cart, held } = placeCart(app, sale, sale.cart);
  app.cart = cart;
  const drawer = sale.drawer_before ?? null;
  await app.store.cancelSale(sale, { cart, held, drawer });
  app.held = held;
  app.sales = app.sales.filter(({ id }) => id !== sale.id);
}

/** Put a sale whose order was voided back into the cart. Its number and its ids are used, so that the cart gets others. @param {App} app @param {any} sale */
export async function restoreVoided(app, sale) {
  const { cart, held } = placeCart(app, sale, renewCart(sale.cart));
  const parts = cart === app.cart ? app.parts : [];
  await app.store.dropSale(sale, { cart, held, parts, drawer: sale.drawer_before ?? null });
  app.sales = app.sales.filter(({ id }) => id !== sale.id);
  Object.assign(app, { cart, held, parts, history: [], selected: cart.lines.at(-1)?.id ?? null });
}

/**
 * Return the open and the held carts with that of a sale, which is held if another cart is open.
 *
 * @param {App} app
 * @param {any} sale
 * @param {import("../money/cart.js").Cart} cart
 */
function placeCart(app, sale, cart) {
  const isFree = !app.cart.lines.length || app.cart.id === sale.id;
  if (isFree) return { cart, held: app.held };
  return { cart: app.cart, held: [...app.held, { cart, at: sale.sold_at, total: sale.total }] };
}

/** The amounts of the server count: they are on the receipt. @param {any} sale @param {any} order */
function useServerAmounts(sale, order) {
  return { total: order.total, change: order.change_total, is_other_total: order.total !== sale.total };
}
