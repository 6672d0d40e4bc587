/** The cart: what is scanned, chosen, changed and held. */

import { Refused } from "../api/client.js";
import { explain } from "../api/explain.js";
import { addProduct, changeLine, createCart, removeLine } from "../money/cart.js";
import { sumAmounts } from "../money/engine.js";
import { t } from "../texts/texts.js";
import { findReceipt, isReceiptCode } from "./receipt.js";
import { startNext } from "./sale.js";
import { followCatalog } from "./sync.js";

/** @typedef {import("../app.js").App} App */

const MAX_UNDO = 50;

/** Change the cart; `undo` returns to the one before. @param {App} app @param {import("../money/cart.js").Cart} cart @param {string | null} [selected] */
export function changeCart(app, cart, selected) {
  const history = [...app.history, app.cart].slice(-MAX_UNDO);
  const last = cart.lines.at(-1)?.id ?? null;
  app.update({ cart, history, selected: selected === undefined ? last : selected, message: "" });
  app.store.set({ cart }).catch((error) => app.say(explain(error)));
}

/** @param {App} app */
export function undoStep(app) {
  const cart = app.history.at(-1);
  if (!cart) return;
  const history = app.history.slice(0, -1);
  app.update({ cart, history, selected: cart.lines.at(-1)?.id ?? null, message: t("undone") });
  app.store.set({ cart }).catch((error) => app.say(explain(error)));
}

/**
 * Add a product, after asking for what it needs; a scan does not wait for choices that may be left out.
 *
 * @param {App} app
 * @param {any} product
 * @param {any} [facts]
 * @param {boolean} [isScanned]
 */
export function addToCart(app, product, facts = {}, isScanned = false) {
  const isWeightNeeded = product.sold_by === "weight" && !facts.quantity;
  if (isWeightNeeded) return app.update({ dialog: { kind: "weight", product, facts } });
  const lists = app.catalog.listModifiers(product);
  const isChoiceNeeded = lists.some(({ min }) => min > 0) || (lists.length && !isScanned);
  if (isChoiceNeeded && !facts.modifiers && !facts.fixedGross) {
    return app.update({ dialog: { kind: "modifiers", product, facts, isScanned } });
  }
  const isPriceNeeded = product.open_price && !facts.price && !facts.fixedGross;
  if (isPriceNeeded) return app.update({ dialog: { kind: "price", product, facts } });
  changeCart(app, addProduct(app.cart, product, facts));
  app.update({ dialog: null });
}

/** @param {App} app @param {string} code */
export async function scanCode(app, code) {
  if (app.phase === "done") startNext(app);
  const isReceipt = ["receipts", "receipt"].includes(app.phase) || (app.phase === "sell" && isReceiptCode(code));
  if (isReceipt && !app.dialog) return app.run(() => findReceipt(app, code));
  if (app.phase !== "sell") return;
  const found = app.catalog.find(code, app.cart.customer?.group);
  if (found) {
    const { product, quantity, fixedGross } = found;
    const isLabel = quantity || fixedGross;
    return addToCart(app, product, isLabel ? { quantity, fixedGross: fixedGross ?? null, code } : {}, true);
  }
  await app.run(() => findOnline(app, code));
}

/** Let the server read a code that the device does not know, such as a GS1 code. @param {App} app @param {string} code */
async function findOnline(app, code) {
  const unknown = t("unknownCode", { code });
  if (!app.isOnline || !app.api.access) throw new Error(unknown);
  /** @type {any} */
  const body = { register: app.pairing.register.id, lines: [{ barcode: code, quantity: "1" }] };
  try {
    const { customer } = app.cart;
    if (customer) body.customer = { id: customer.id };
    const { lines } = await app.api.post("orders/calculate/", body);
    const { product: id, quantity, fixed_gross: fixedGross } = lines[0];
    await followCatalog(app);
    addToCart(app, app.catalog.products.get(id), { quantity, fixedGross, code });
  } catch (error) {
    if (error instanceof Refused && error.code === "invalid") throw new Error(unknown);
    throw error;
  }
}

/** Sell to a customer, or to nobody in particular: the prices of another group apply at once. @param {App} app @param {import("../money/cart.js").CartCustomer | null} customer */
export function setCustomer(app, customer) {
  changeCart(app, { ...app.cart, customer }, app.selected);
  app.update({ dialog: null, customers: [] });
}

/** @param {App} app @param {any} facts */
export function changeSelected(app, facts) {
  if (app.selected) changeCart(app, changeLine(app.cart, app.selected, facts), app.selected);
}

/** @param {App} app */
export function removeSelected(app) {
  if (app.selected) changeCart(app, removeLine(app.cart, app.selected));
}

/** @param {App} app @param {number} by */
export function stepQuantity(app, by) {
  const line = app.cart.lines.find(({ id }) => id === app.selected);
  if (!line || line.fixedGross || !/^-?\d+$/.test(line.quantity)) return;
  const direction = line.quantity.startsWith("-") ? -by : by;
  const quantity = sumAmounts([line.quantity, `${direction}`], 0);
  if (quantity === "0") removeSelected(app);
  else changeSelected(app, { quantity });
}

/** @param {App} app */
export function clearCart(app) {
  changeCart(app, { ...createCart(), id: app.cart.id });
  app.update({ dialog: null });
}

/** @param {App} app */
export async function holdCart(app) {
  if (!app.cart.lines.length) return;
  const held = [...app.held, { cart: app.cart, at: new Date().toISOString(), total: app.priced.total }];
  const cart = createCart();
  // At once, because a scan may follow before it is written.
  app.update({ held, cart, history: [], selected: null, message: t("heldNow") });
  await app.store.set({ held, cart: app.cart });
}

/** @param {App} app @param {number} at */
export async function takeUpCart(app, at) {
  const { cart } = app.held[at];
  const held = app.held.filter((_, position) => position !== at);
  const also = app.cart.lines.length ? [{ cart: app.cart, at: new Date().toISOString(), total: app.priced.total }] : [];
  app.update({ held: [...held, ...also], cart, history: [], selected: cart.lines.at(-1)?.id, dialog: null });
  await app.store.set({ held: [...held, ...also], cart: app.cart });
}
