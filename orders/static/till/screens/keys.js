/** Keys of the selling screens; the buttons show them. */

import { holdCart, removeSelected, stepQuantity, undoStep } from "../actions/cart.js";
import { openCustomers } from "../actions/customer.js";
import { toggleFavorite } from "../actions/favorites.js";
import { startPaying } from "../actions/payment.js";
import { openReceipts, refundEverything } from "../actions/receipt.js";
import { startNext } from "../actions/sale.js";

/** @type {Record<string, Record<string, (app: import("../app.js").App) => any>>} */
const KEYS = {
  sell: {
    F1: (app) => openCustomers(app),
    F2: () => document.getElementById("search")?.focus(),
    F3: (app) => app.run(() => holdCart(app)),
    F4: (app) => app.held.length && app.update({ dialog: { kind: "held" }, message: "" }),
    F6: (app) => app.selected && app.update({ dialog: { kind: "line" } }),
    F7: (app) => app.cart.lines.length && app.update({ dialog: { kind: "order" } }),
    F8: (app) => undoStep(app),
    F10: (app) => openReceipts(app),
    F9: (app) => startPaying(app),
    Delete: (app) => removeSelected(app),
    "*": (app) => app.run(() => toggleFavorite(app)),
    "+": (app) => stepQuantity(app, 1),
    "-": (app) => stepQuantity(app, -1),
    ArrowUp: (app) => moveSelection(app, -1),
    ArrowDown: (app) => moveSelection(app, 1),
  },
  pay: { Escape: () => press("back-to-cart", "abandon") },
  charging: { Escape: () => press("stop") },
  done: { Enter: (app) => startNext(app) },
  more: {
    Escape: (app) => app.update({ phase: app.choosePhase() }),
    F3: () => press("close-shift", "open-shift"),
    F4: () => press("x-report"),
    F6: () => press("drawer"),
    F7: () => press("no-sale"),
    F8: () => press("glance"),
    F10: (app) => openReceipts(app),
  },
  glance: { Escape: (app) => app.update({ phase: "more", message: "" }) },
  receipts: { Escape: (app) => app.update({ phase: app.choosePhase(), message: "" }) },
  receipt: {
    Escape: (app) => (app.refund ? app.update({ refund: null, message: "" }) : openReceipts(app)),
    F6: () => press("print-copy"),
    F7: () => press("refund"),
    F8: (app) => app.refund && refundEverything(app),
    F10: (app) => openReceipts(app),
  },
};

/** Press the first of these buttons that is there, unless it is disabled. @param {...string} names */
function press(...names) {
  const selector = names.map((name) => `main button[name="${name}"]`).join();
  /** @type {HTMLButtonElement | null} */ (document.querySelector(selector))?.click();
}

/** Keys that people also need for typing. */
const TYPED = new Set(["*", "+", "-", "Delete", "ArrowUp", "ArrowDown", "Enter"]);

/** @param {import("../app.js").App} app @param {number} by */
function moveSelection(app, by) {
  const ids = app.cart.lines.map(({ id }) => id);
  const at = app.selected ? ids.indexOf(app.selected) : ids.length;
  const next = ids[Math.min(Math.max(at + by, 0), ids.length - 1)];
  if (next) app.update({ selected: next });
}

/** @param {import("../app.js").App} app */
export function listenForKeys(app) {
  addEventListener("keydown", (event) => {
    const action = KEYS[app.phase]?.[event.key];
    if (!action || app.dialog || app.isBusy || event.ctrlKey || event.altKey || event.metaKey) return;
    const target = /** @type {HTMLElement} */ (event.target);
    if (TYPED.has(event.key) && target.closest("input, textarea, select")) return;
    if (event.key === "Enter" && target.closest("button")) return;
    event.preventDefault();
    action(app);
  });
}
