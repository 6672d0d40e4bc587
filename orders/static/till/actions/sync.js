/** The connection: uploads what is unsent, and keeps the catalog current. */

import { Refused, Unreachable } from "../api/client.js";
import { buildOfflineSale } from "../money/cart.js";
import { applySettings, loadSnapshot, selectRows } from "../sync/catalog.js";
import { uploadSales } from "../sync/upload.js";
import { t } from "../texts/texts.js";
import { reduceSent, summarize } from "./order.js";

/** @typedef {import("../app.js").App} App */

/** The server flags sales that were made later than this by its own clock. */
const MAX_CLOCK_MINUTES = 5;

/** @param {App} app @param {boolean} isOnline */
export function noteConnection(app, isOnline) {
  if (isOnline === app.isOnline) return;
  const offlineSince = isOnline ? null : new Date().toISOString();
  app.update({ isOnline, offlineSince });
}

/** Compare the clock of the device, which says when sales without a connection were made. @param {App} app @param {number} server */
export function noteServerTime(app, server) {
  const isWrong = Math.abs(Date.now() - server) > MAX_CLOCK_MINUTES * 60_000;
  if (isWrong === Boolean(app.clocks)) return;
  const clocks = { device: new Date().toISOString(), server: new Date(server).toISOString() };
  app.update({ clocks: isWrong ? clocks : null });
}

/** Upload what is unsent and load what has changed; without a connection this does nothing. @param {App} app */
export async function synchronize(app) {
  // The manager of the set-up can be one of another shop.
  if (app.isSyncing || !app.api.access || app.isBusy || app.phase === "setup") return;
  app.isSyncing = true;
  try {
    await writeUnwritten(app);
    await uploadUnsent(app);
    await followCatalog(app);
  } catch (error) {
    if (error instanceof Unreachable) return;
    if (!(error instanceof Refused)) throw error;
    // Otherwise nobody would learn why sales stay unsent.
    if (app.unsent.length && !app.message && app.api.access) app.say(t("notSent", { reason: error.message }));
  } finally {
    app.isSyncing = false;
  }
}

/** Write sales of the server for which the storage was full. @param {App} app */
async function writeUnwritten(app) {
  for (const { is_unwritten: isUnwritten, ...sale } of app.sales) {
    // With the cart of now: that of the sale may still be on the device.
    if (isUnwritten) await saveSale(app, sale, { cart: app.cart, parts: app.parts });
  }
}

/** @param {App} app */
export async function uploadUnsent(app) {
  const waiting = app.sales.filter(({ state }) => state === "unsent");
  if (!waiting.length) return;
  const results = await uploadSales(app.api, waiting.map(buildOfflineSale));
  for (const [at, result] of results.entries()) await noteResult(app, waiting[at], result);
  app.onchange();
}

/** @param {App} app @param {any} sale @param {any} result */
async function noteResult(app, sale, result) {
  const isBooked = result.status !== "rejected";
  const { code = "", errors = [] } = result;
  const outcome = isBooked ? { state: "sent", order: summarize(result.order) } : { state: "rejected", code, errors };
  await saveSale(app, { ...sale, ...outcome });
}

/** @param {App} app @param {any} sale @param {Record<string, any>} [values] */
export async function saveSale(app, sale, values) {
  const kept = sale.state === "sent" ? reduceSent(sale) : sale;
  await app.store.updateSale(kept, values);
  replaceSale(app, kept);
}

/** @param {App} app @param {any} sale */
export function replaceSale(app, sale) {
  app.sales = [...app.sales.filter(({ id }) => id !== sale.id), sale];
}

/** Upload a rejected sale once more. @param {App} app @param {any} sale */
export async function sendAgain(app, sale) {
  await saveSale(app, { ...sale, state: "unsent" });
  await uploadUnsent(app);
}

/** @param {App} app */
export async function followCatalog(app) {
  const { id } = app.pairing.register;
  const snapshot = await loadSnapshot(app.api, app.position);
  // The device may have been paired with another register meanwhile.
  if (id === app.pairing.register.id) await applySnapshot(app, snapshot);
}

/** @param {App} app */
export async function loadEverything(app) {
  await applySnapshot(app, await loadSnapshot(app.api));
}

/** Write a snapshot to the device, and use it. @param {App} app @param {import("../sync/catalog.js").Snapshot} snapshot */
async function applySnapshot(app, snapshot) {
  const { position, isAll, rows } = snapshot;
  if (!rows.length && position === app.position) return;
  const settings = applySettings(app.settings ?? {}, snapshot, app.pairing.register.store);
  const products = selectRows(snapshot, "product");
  const prices = selectRows(snapshot, "price");
  await app.store.saveCatalog({ products, prices }, { settings, position }, isAll);
  if (isAll) app.catalog.replace(products.changed, prices.changed, settings);
  else if (rows.length) app.catalog.update(products, prices, settings);
  noteGoneProducts(app);
  const register = rows.find(({ data }) => data?.id === app.pairing.register.id)?.data;
  if (register) {
    app.pairing = { ...app.pairing, register };
    await app.store.set({ pairing: app.pairing });
  }
  app.update({ settings, position });
}

/** Say which products of the cart are no longer on sale. @param {App} app */
function noteGoneProducts(app) {
  const isGone = (/** @type {any} */ line) => !app.catalog.products.get(line.product)?.is_active;
  const names = [...new Set(app.cart.lines.filter(isGone).map(({ name }) => name))];
  if (names.length) app.say(t("productGone", { names: names.join(", ") }));
}
