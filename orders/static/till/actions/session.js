/** Who sells: the start of the page, log-in, and the lock. */

import { Refused, Unreachable } from "../api/client.js";
import { listFormats } from "../scan/camera.js";
import { createCart } from "../money/cart.js";
import { loadStaff, READS } from "../sync/catalog.js";
import { t } from "../texts/texts.js";
import { resumeOpenSale } from "./charge.js";
import { FAVORITES } from "./favorites.js";
import { completeInterrupted, resolveInterrupted } from "./sale.js";
import { loadShift } from "./shift.js";
import { loadEverything, synchronize } from "./sync.js";

/** @typedef {import("../app.js").App} App */

const IDLE_MINUTES = 5;
/** What a page that is loaded needs, also to write everything again. */
const KEPT = ["pairing", "settings", "position", "person", "shift", "cart", "held", "parts", "favorites", "sequence", "drawer", "printer"];

/** @param {App} app */
export async function startRegister(app) {
  const kept = await app.store.get(...KEPT);
  app.store.onlost = () => noteLostStorage(app);
  app.isPersisted = (await navigator.storage?.persist?.()) ?? false;
  app.cameraFormats = await listFormats();
  app.sales = await app.store.listSales();
  if (!kept.pairing) return app.update({ phase: "setup", dialog: null });
  app.pairing = kept.pairing;
  app.api.terminalToken = kept.pairing.terminal_token;
  app.person = kept.person ?? null;
  app.shift = kept.shift ?? null;
  app.cart = kept.cart ?? createCart();
  app.held = kept.held ?? [];
  app.printer = kept.printer ?? null;
  app.parts = kept.parts ?? [];
  app.favorites = kept.favorites ?? [];
  app.category = app.favorites.length ? FAVORITES : null;
  if (kept.settings) {
    app.settings = kept.settings;
    app.position = kept.position;
    const { products, prices } = await app.store.loadCatalog();
    app.catalog.replace(products, prices, kept.settings);
  }
  app.update({ phase: "lock" });
  await loadPeople(app);
}

/** Return what the page knows besides its state, after the browser has deleted its storage. @param {App} app */
function noteLostStorage(app) {
  app.update({ isStorageLost: true });
  const { products, prices } = app.catalog;
  return { products: [...products.values()], prices: [...prices.values()], sales: app.sales };
}

/** @param {App} app */
async function refreshStaff(app) {
  const settings = { ...app.settings, ...(await loadStaff(app.api, app.pairing.register.store, app.pairing.register.id)) };
  await app.store.set({ settings });
  app.settings = settings;
}

/** @param {App} app */
export async function loadPeople(app) {
  try {
    const people = await app.api.getAll("auth/pin/users/");
    const settings = { ...(app.settings ?? {}), people };
    app.update({ settings, isUnpaired: false });
  } catch (error) {
    if (error instanceof Refused && error.code === "terminal_not_paired") {
      // The server refuses every request with it, also those that pair again.
      app.api.terminalToken = "";
      app.update({ isUnpaired: true, message: t("notPaired") });
    }
    if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
  }
  app.onchange();
}

/** Exchange what has changed; while nobody is logged in, find out whether the server is there again. @param {App} app */
export async function keepInTouch(app) {
  await app.store.ensureOpen();
  if (app.api.access) return synchronize(app);
  if (!app.isOnline && !app.isBusy && !["loading", "setup"].includes(app.phase)) await loadPeople(app);
}

/** @param {App} app @param {string} user @param {string} pin */
export async function logInWithPin(app, user, pin) {
  const answer = await app.api.post("auth/pin/", { user, pin }, { anonymous: true });
  await logIn(app, answer);
}

/** @param {App} app @param {string} username @param {string} password */
export async function logInWithPassword(app, username, password) {
  const body = { tenant: app.pairing.tenant, username, password };
  await logIn(app, await app.api.post("auth/token/", body, { anonymous: true }));
}

/** @param {App} app @param {any} answer */
async function logIn(app, answer) {
  app.api.useTokens(answer);
  if (app.settings?.reads !== READS) await loadEverything(app);
  await enter(app, answer.user);
}

/** Show the register to a person who has logged in. @param {App} app @param {any} person */
export async function enter(app, person) {
  app.person = { id: person.id, display_name: person.display_name, role: person.role };
  await app.store.set({ person: app.person });
  await refreshStaff(app);
  await resolveInterrupted(app);
  await loadShift(app);
  app.lastInput = Date.now();
  app.update({ phase: app.choosePhase(), message: "", dialog: null });
  await resumeOpenSale(app);
  synchronize(app);
}

/** Go on without a connection, as the person of the last session. @param {App} app */
export async function continueOffline(app) {
  app.lastInput = Date.now();
  app.update({ phase: app.choosePhase(), message: t("continuedOffline", { name: app.person.display_name }) });
  await completeInterrupted(app);
}

/** @param {App} app @param {string} [message] */
export function lockRegister(app, message = "") {
  app.api.useTokens(null);
  if (app.phase === "setup" || app.phase === "lock") return;
  app.update({ phase: "lock", dialog: null, message });
  loadPeople(app);
}

/** @param {App} app */
export function lockIfIdle(app) {
  const isIdle = Date.now() - app.lastInput > IDLE_MINUTES * 60_000;
  if (isIdle && !app.isBusy && !["setup", "lock", "loading"].includes(app.phase)) lockRegister(app, t("lockedIdle"));
}
