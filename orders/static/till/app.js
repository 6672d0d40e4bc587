/** The register: its state. Screens show it; the functions of actions/ change it. */

import { findPending } from "./actions/order.js";
import { Api } from "./api/client.js";
import { explain } from "./api/explain.js";
import { createCart, priceCart } from "./money/cart.js";
import { Catalog } from "./store/catalog.js";
import { Store } from "./store/store.js";

/**
 * `phase` is the screen: `loading`, `setup`, `lock`, `open` (the shift), `sell`, `pay`, `charging`, `done`, `more`,
 * `glance`, `receipts` (the search), `receipt` or `close`. `dialog` lies above it.
 */
export class App {
  /** @param {Store} store @param {() => void} onchange */
  constructor(store, onchange) {
    this.store = store;
    this.onchange = onchange;
    this.api = new Api();
    this.catalog = new Catalog();
    this.phase = "loading";
    /** @type {any} */
    this.pairing = null;
    /** @type {any} */
    this.settings = null;
    /** @type {any} */
    this.person = null;
    /** @type {any} */
    this.shift = null;
    this.position = 0;
    this.isOnline = navigator.onLine;
    /** @type {string | null} */
    this.offlineSince = null;
    this.isPersisted = true;
    /** @type {string[]} the formats of codes that the camera reads; none where it does not */
    this.cameraFormats = [];
    /** @type {import("./print/printer.js").Connection | null} a receipt printer instead of the browser */
    this.printer = null;
    /** Whether the browser has deleted the storage while the page was open. */
    this.isStorageLost = false;
    /** @type {{device: string, server: string} | null} both times, if they differ much */
    this.clocks = null;
    /** @type {any[]} */
    this.sales = [];
    /** @type {import("./money/cart.js").Cart} */
    this.cart = createCart();
    /** @type {import("./money/cart.js").Cart[]} */
    this.history = [];
    /** @type {any[]} */
    this.held = [];
    /** @type {string | null} */
    this.selected = null;
    this.query = "";
    /** @type {string | null} */
    this.category = null;
    /** @type {string[]} products that are offered first */
    this.favorites = [];
    /** @type {any[]} */
    this.parts = [];
    /** @type {any} */
    this.dialog = null;
    /** @type {any} */
    this.lastSale = null;
    /** Whether the register was unpaired or paired with another device. */
    this.isUnpaired = false;
    /** @type {any} what the set-up offers */
    this.offer = null;
    /** @type {ReturnType<typeof setTimeout> | undefined} */
    this.offerTimer = undefined;
    /** What the form for a pairing code contains. */
    this.pairingCode = "";
    /** @type {string | null} who enters a PIN */
    this.chosen = null;
    this.pin = "";
    this.withPassword = false;
    /** @type {any} the last shift, if it is ended and not closed */
    this.ended = null;
    /** @type {string | null} */
    this.suggestedFloat = null;
    /** @type {any} */
    this.report = null;
    /** @type {any} the order whose receipt is shown */
    this.found = null;
    /** @type {any[]} orders that a search has found */
    this.matches = [];
    /** @type {any} what the form of a refund says */
    this.refund = null;
    /** @type {any} the refund that was made last */
    this.refunded = null;
    /** @type {any} what a manager sees at a glance */
    this.glance = null;
    /** The path of the slip of the last cash movement. */
    this.slip = "";
    /** @type {any[]} customers that a search has found */
    this.customers = [];
    /** @type {{id: string, cart: import("./money/cart.js").Cart} | null} an approval for the cart as it was */
    this.approval = null;
    /** @type {any} a store credit that was looked up, with its code */
    this.credit = null;
    /** @type {any[]} codes of store credits that the last sale has made */
    this.codes = [];
    /** Whether the outcome of a card is being asked for. */
    this.isAwaiting = false;
    this.message = "";
    this.isBusy = false;
    this.isSyncing = false;
    this.lastInput = Date.now();
  }

  /** @param {Record<string, any>} changes */
  update(changes) {
    Object.assign(this, changes);
    this.onchange();
  }

  /** @param {string} message */
  say(message) {
    this.update({ message });
  }

  /** Run something that may fail: show why, and allow nothing else meanwhile. @param {() => Promise<any>} work */
  async run(work) {
    if (this.isBusy) return;
    this.update({ isBusy: true, message: "" });
    try {
      await work();
    } catch (error) {
      this.say(explain(error));
    } finally {
      this.update({ isBusy: false });
    }
  }

  choosePhase() {
    if (this.openSale) {
      const order = this.openSale.open_order;
      return order && !findPending(order) ? "pay" : "charging";
    }
    if (this.settings.tenant.shifts_required && !this.shift) return "open";
    return this.parts.length ? "pay" : "sell";
  }

  get unsent() {
    return this.sales.filter(({ state }) => ["unsent", "sending"].includes(state));
  }

  /** The sales that are not done on the server, which belong to their register. */
  get keptSales() {
    return this.sales.filter(({ state }) => state !== "sent");
  }

  /** The sale whose order is open on the server, until it is paid. @returns {any} */
  get openSale() {
    return this.sales.find(({ state }) => state === "open");
  }

  get rejected() {
    return this.sales.filter(({ state }) => state === "rejected");
  }

  get priced() {
    return priceCart(this.cart, this.catalog, this.settings.tenant);
  }

  get exponent() {
    return this.settings.tenant.currency_exponent;
  }
}
