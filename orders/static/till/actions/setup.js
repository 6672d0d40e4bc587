/** Set-up: the pairing of the device with a register. */

import { createCart } from "../money/cart.js";
import { Catalog } from "../store/catalog.js";
import { recallSequence } from "../store/sequence.js";
import { t } from "../texts/texts.js";
import { enter, loadPeople } from "./session.js";
import { loadEverything } from "./sync.js";

/** @typedef {import("../app.js").App} App */

/** How long the set-up waits for the choice of a register: it holds the password of a manager. */
const OFFER_MINUTES = 2;
/** What the list of terminals shows of this device. */
const DEVICE = { name: "Browser", app_version: "1" };

/** Log in as a manager and return what the set-up offers. @param {App} app @param {{tenant: string, username: string, password: string}} credentials */
export async function beginSetup(app, credentials) {
  const tokens = await app.api.post("auth/token/", credentials, { anonymous: true });
  app.api.useTokens(tokens);
  if (!["manager", "admin"].includes(tokens.user.role)) {
    app.api.useTokens(null);
    throw new Error(t("managersOnly"));
  }
  const [stores, registers] = await Promise.all([app.api.getAll("stores/"), app.api.getAll("registers/")]);
  return { stores: stores.filter(isActive), registers: registers.filter(isActive) };
}

/** Offer the registers of a shop, for a short time. @param {App} app @param {{stores: any[], registers: any[], credentials: any}} offer */
export function keepOffer(app, offer) {
  clearTimeout(app.offerTimer);
  app.offerTimer = setTimeout(() => dropOffer(app), OFFER_MINUTES * 60_000);
  app.update({ offer });
}

/** Forget the manager who has not chosen a register. @param {App} app */
export function dropOffer(app) {
  if (!app.offer) return;
  clearTimeout(app.offerTimer);
  // A pairing that has begun still needs the session.
  if (!app.isBusy) app.api.useTokens(null);
  app.update({ offer: null, message: t("setupDropped") });
}

/** Pair the device with a register, load the catalog, and go on as the manager. @param {App} app @param {any} register @param {any} credentials */
export async function finishSetup(app, register, credentials) {
  try {
    ensureSameRegister(app, register);
    const paired = await app.api.post(`registers/${register.id}/pair/`, DEVICE);
    const isForeignSeries = !app.pairing && paired.last_device_sequence > 0;
    await savePairing(app, paired, { register, tenant: credentials.tenant });
    const tokens = await app.api.post("auth/token/", credentials, { anonymous: true });
    app.api.useTokens(tokens);
    await loadEverything(app);
    await enter(app, tokens.user);
    if (isForeignSeries) app.say(t("soldBefore"));
  } catch (error) {
    if (!app.offer) app.api.useTokens(null);
    throw error;
  }
}

/** Take the pairing code of the address, which works only in the set-up. @param {App} app @param {string | null} code empty if it is malformed */
export function takePairingCode(app, code) {
  if (code === null) return;
  if (!code) app.say(t("badPairingCode"));
  else if (app.pairing && !app.isUnpaired) app.say(t("alreadyPaired", { name: app.pairing.register.name }));
  else app.update({ pairingCode: code });
}

/** Pair the device by a code that a manager has made, and ask who sells. @param {App} app @param {string} code */
export async function pairByCode(app, code) {
  ensureNothingKept(app);
  const body = { pairing_code: code, device: DEVICE };
  const paired = await app.api.post("auth/pair/", body, { anonymous: true });
  const register = { ...paired.register, store: paired.store.id };
  const message = !app.pairing && paired.last_device_sequence > 0 ? t("soldBefore") : "";
  await savePairing(app, paired, { register, tenant: paired.tenant.slug });
  app.update({ phase: "lock", message, pairingCode: "" });
  await loadPeople(app);
}

/** Sales that the server does not have, and payments, belong to their register. @param {App} app @param {any} register */
function ensureSameRegister(app, register) {
  if (!app.pairing || register.id === app.pairing.register.id) return;
  const { name } = app.pairing.register;
  const kept = app.keptSales.length;
  if (kept) throw new Error(t("otherRegister", { count: kept, name }));
  if (app.parts.length) throw new Error(t("paidInPart", { name }));
}

/** A code works once, and only the answer names its register: do not use it if that could be the wrong one. @param {App} app */
function ensureNothingKept(app) {
  if (!app.pairing) return;
  const { name } = app.pairing.register;
  const kept = app.keptSales.length;
  if (kept) throw new Error(t("codeWithSales", { count: kept, name }));
  if (app.parts.length) throw new Error(t("paidInPart", { name }));
  if (app.cart.lines.length) throw new Error(t("codeWithCart", { name }));
}

/**
 * Keep the pairing. With the same register everything goes on; another register of the shop begins
 * without cart, shift and catalog, and another shop with an empty device.
 *
 * @param {App} app
 * @param {any} paired
 * @param {{register: any, tenant: string}} place
 */
async function savePairing(app, paired, { register, tenant }) {
  const { sequence: kept } = await app.store.get("sequence");
  const former = app.pairing;
  const isSameRegister = former?.register.id === register.id;
  const isSameShop = isSameRegister || former?.tenant === tenant;
  const isSamePlace = isSameRegister && former.register.store === register.store;
  const sequence = Math.max(isSameRegister ? (kept ?? 0) : 0, recallSequence(register.id), paired.last_device_sequence);
  const pairing = { register, tenant, terminal_token: paired.terminal_token };
  const values = { pairing, sequence };
  if (!isSameShop) await app.store.clear(values);
  else if (!isSamePlace) await app.store.set({ ...values, ...createEmptyState(), drawer: null });
  else await app.store.set(values);
  if (!isSameShop) app.sales = [];
  if (!isSamePlace) forgetPlace(app);
  app.pairing = pairing;
  app.api.terminalToken = paired.terminal_token;
  app.offer = null;
  app.isUnpaired = false;
}

/** Show nothing of the former register, and load the whole catalog at the next log-in. @param {App} app */
function forgetPlace(app) {
  app.catalog = new Catalog();
  Object.assign(app, createEmptyState());
  Object.assign(app, { history: [], selected: null, query: "", category: null, lastSale: null });
  Object.assign(app, { ended: null, suggestedFloat: null, report: null, chosen: null, pin: "" });
}

/** Forget the pairing; not with sales that the server does not have. @param {App} app */
export async function unpairDevice(app) {
  if (app.keptSales.length) throw new Error(t("unpairUnsent", { count: app.keptSales.length }));
  if (app.api.access && app.isOnline) {
    await app.api.post(`registers/${app.pairing.register.id}/unpair/`);
  }
  await app.store.clear();
  location.reload();
}

/** Return what belongs to a register and its shop, as on a device that was just paired. */
function createEmptyState() {
  return { cart: createCart(), held: [], parts: [], shift: null, person: null, settings: null, position: 0 };
}

/** @param {any} row */
function isActive(row) {
  return row.is_active;
}
