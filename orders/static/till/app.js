/** The register: its state, and what a person can do. Screens show the state and call these methods. */

import { Api, Refused, Unreachable } from "./api/client.js";
import { addProduct, buildOfflineSale, buildOrder, buildSale, changeLine, createCart, isPaidOut, paysRest, priceCart, removeLine } from "./money/cart.js";
import { compareAmounts, settleCash, subtract, sumAmounts } from "./money/engine.js";
import { chooseCashRule } from "./money/shop.js";
import { Catalog } from "./store/catalog.js";
import { Store } from "./store/store.js";
import { READS, applySettings, loadSnapshot, loadStaff, selectRows } from "./sync/catalog.js";
import { uploadSales } from "./sync/upload.js";
import { t } from "./texts/texts.js";

const MAX_UNDO = 50;
const IDLE_MINUTES = 5;
const SALE_TIMEOUT = 8_000;
/** How long the set-up waits for the choice of a register: it holds the password of a manager. */
const OFFER_MINUTES = 2;
/** What the list of terminals shows of this device. */
const DEVICE = { name: "Browser", app_version: "1" };

/**
 * `phase` is the screen: `loading`, `setup`, `lock`, `open` (the shift), `sell`, `pay`, `done`, `more`
 * or `close`. `dialog` lies above it.
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
    this.message = "";
    this.isBusy = false;
    this.isSyncing = false;
    this.lastInput = Date.now();
    this.api.onreachable = (isOnline) => this.noteConnection(isOnline);
    this.api.onloggedout = () => this.lock(t("loggedOut"));
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

  // --- Start, set-up, log-in --------------------------------------------------------------------

  async start() {
    const kept = await this.store.get("pairing", "settings", "position", "person", "shift", "cart", "held", "parts");
    this.isPersisted = (await navigator.storage?.persist?.()) ?? false;
    this.sales = await this.store.listSales();
    if (!kept.pairing) return this.update({ phase: "setup", dialog: null });
    this.pairing = kept.pairing;
    this.api.terminalToken = kept.pairing.terminal_token;
    this.person = kept.person ?? null;
    this.shift = kept.shift ?? null;
    this.cart = kept.cart ?? createCart();
    this.held = kept.held ?? [];
    this.parts = kept.parts ?? [];
    if (kept.settings) {
      this.settings = kept.settings;
      this.position = kept.position;
      const { products, prices } = await this.store.loadCatalog();
      this.catalog.replace(products, prices, kept.settings);
    }
    this.update({ phase: "lock" });
    await this.loadPeople();
  }

  /** Log in as a manager and return what the set-up offers. @param {{tenant: string, username: string, password: string}} credentials */
  async beginSetup(credentials) {
    const tokens = await this.api.post("auth/token/", credentials, { anonymous: true });
    this.api.useTokens(tokens);
    if (!["manager", "admin"].includes(tokens.user.role)) {
      this.api.useTokens(null);
      throw new Error(t("managersOnly"));
    }
    const [stores, registers] = await Promise.all([this.api.getAll("stores/"), this.api.getAll("registers/")]);
    return { stores: stores.filter(isActive), registers: registers.filter(isActive) };
  }

  /** Offer the registers of a shop, for a short time. @param {{stores: any[], registers: any[], credentials: any}} offer */
  keepOffer(offer) {
    clearTimeout(this.offerTimer);
    this.offerTimer = setTimeout(() => this.dropOffer(), OFFER_MINUTES * 60_000);
    this.update({ offer });
  }

  /** Forget the manager who has not chosen a register. */
  dropOffer() {
    if (!this.offer) return;
    clearTimeout(this.offerTimer);
    // A pairing that has begun still needs the session.
    if (!this.isBusy) this.api.useTokens(null);
    this.update({ offer: null, message: t("setupDropped") });
  }

  /** Pair the device with a register, load the catalog, and go on as the manager. @param {any} register @param {any} credentials */
  async finishSetup(register, credentials) {
    try {
      this.ensureSameRegister(register);
      const paired = await this.api.post(`registers/${register.id}/pair/`, DEVICE);
      await this.savePairing(paired, { register, tenant: credentials.tenant });
      const tokens = await this.api.post("auth/token/", credentials, { anonymous: true });
      this.api.useTokens(tokens);
      await this.loadEverything();
      await this.enter(tokens.user);
    } catch (error) {
      if (!this.offer) this.api.useTokens(null);
      throw error;
    }
  }

  /** Take the pairing code of the address, which works only in the set-up. @param {string | null} code empty if it is malformed */
  takePairingCode(code) {
    if (code === null) return;
    if (!code) this.say(t("badPairingCode"));
    else if (this.pairing && !this.isUnpaired) this.say(t("alreadyPaired", { name: this.pairing.register.name }));
    else this.update({ pairingCode: code });
  }

  /** Pair the device by a code that a manager has made, and ask who sells. @param {string} code */
  async pairByCode(code) {
    this.ensureNothingKept();
    const body = { pairing_code: code, device: DEVICE };
    const paired = await this.api.post("auth/pair/", body, { anonymous: true });
    const register = { ...paired.register, store: paired.store.id };
    await this.savePairing(paired, { register, tenant: paired.tenant.slug });
    this.update({ phase: "lock", message: "", pairingCode: "" });
    await this.loadPeople();
  }

  /** Sales that the server does not have, and payments, belong to their register. @param {any} register */
  ensureSameRegister(register) {
    if (!this.pairing || register.id === this.pairing.register.id) return;
    const { name } = this.pairing.register;
    const kept = this.unsent.length + this.rejected.length;
    if (kept) throw new Error(t("otherRegister", { count: kept, name }));
    if (this.parts.length) throw new Error(t("paidInPart", { name }));
  }

  /** A code works once, and only the answer names its register: do not use it if that could be the wrong one. */
  ensureNothingKept() {
    if (!this.pairing) return;
    const { name } = this.pairing.register;
    const kept = this.unsent.length + this.rejected.length;
    if (kept) throw new Error(t("codeWithSales", { count: kept, name }));
    if (this.parts.length) throw new Error(t("paidInPart", { name }));
    if (this.cart.lines.length) throw new Error(t("codeWithCart", { name }));
  }

  /**
   * Keep the pairing. With the same register everything goes on; another register of the shop begins
   * without cart, shift and catalog, and another shop with an empty device.
   *
   * @param {any} paired
   * @param {{register: any, tenant: string}} place
   */
  async savePairing(paired, { register, tenant }) {
    const { sequence: kept } = await this.store.get("sequence");
    const former = this.pairing;
    const isSameRegister = former?.register.id === register.id;
    const isSameShop = isSameRegister || former?.tenant === tenant;
    const isSamePlace = isSameRegister && former.register.store === register.store;
    const sequence = Math.max(isSameRegister ? (kept ?? 0) : 0, paired.last_device_sequence);
    const pairing = { register, tenant, terminal_token: paired.terminal_token };
    const values = { pairing, sequence };
    if (!isSameShop) await this.store.clear(values);
    else if (!isSamePlace) await this.store.set({ ...values, ...createEmptyState(), drawer: null });
    else await this.store.set(values);
    if (!isSameShop) this.sales = [];
    if (!isSamePlace) this.forgetPlace();
    this.pairing = pairing;
    this.api.terminalToken = paired.terminal_token;
    this.offer = null;
    this.isUnpaired = false;
  }

  /** Show nothing of the former register, and load the whole catalog at the next log-in. */
  forgetPlace() {
    this.catalog = new Catalog();
    Object.assign(this, createEmptyState());
    Object.assign(this, { history: [], selected: null, query: "", category: null, lastSale: null });
    Object.assign(this, { ended: null, suggestedFloat: null, report: null, chosen: null, pin: "" });
  }

  async loadEverything() {
    await this.applySnapshot(await loadSnapshot(this.api));
  }

  /** Write a snapshot to the device, and use it. @param {import("./sync/catalog.js").Snapshot} snapshot */
  async applySnapshot(snapshot) {
    const { position, isAll, rows } = snapshot;
    if (!rows.length && position === this.position) return;
    const settings = applySettings(this.settings ?? {}, snapshot, this.pairing.register.store);
    const products = selectRows(snapshot, "product");
    const prices = selectRows(snapshot, "price");
    await this.store.saveCatalog({ products, prices }, { settings, position }, isAll);
    if (isAll) this.catalog.replace(products.changed, prices.changed, settings);
    else if (rows.length) this.catalog.update(products, prices, settings);
    const register = rows.find(({ data }) => data?.id === this.pairing.register.id)?.data;
    if (register) {
      this.pairing = { ...this.pairing, register };
      await this.store.set({ pairing: this.pairing });
    }
    this.update({ settings, position });
  }

  async loadStaff() {
    const settings = { ...this.settings, ...(await loadStaff(this.api, this.pairing.register.store)) };
    await this.store.set({ settings });
    this.settings = settings;
  }

  async loadPeople() {
    try {
      const people = await this.api.getAll("auth/pin/users/");
      const settings = { ...(this.settings ?? {}), people };
      this.update({ settings, isUnpaired: false });
    } catch (error) {
      if (error instanceof Refused && error.code === "terminal_not_paired") {
        // The server refuses every request with it, also those that pair again.
        this.api.terminalToken = "";
        this.update({ isUnpaired: true, message: t("notPaired") });
      }
      if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
    }
    this.onchange();
  }

  /** @param {string} user @param {string} pin */
  async logInWithPin(user, pin) {
    const answer = await this.api.post("auth/pin/", { user, pin }, { anonymous: true });
    await this.logIn(answer);
  }

  /** @param {string} username @param {string} password */
  async logInWithPassword(username, password) {
    const body = { tenant: this.pairing.tenant, username, password };
    await this.logIn(await this.api.post("auth/token/", body, { anonymous: true }));
  }

  /** @param {any} answer */
  async logIn(answer) {
    this.api.useTokens(answer);
    if (this.settings?.reads !== READS) await this.loadEverything();
    await this.enter(answer.user);
  }

  /** Show the register to a person who has logged in. @param {any} person */
  async enter(person) {
    this.person = { id: person.id, display_name: person.display_name, role: person.role };
    await this.store.set({ person: this.person });
    await this.loadStaff();
    await this.resolveInterrupted();
    await this.loadShift();
    this.lastInput = Date.now();
    this.update({ phase: this.choosePhase(), message: "", dialog: null });
    this.synchronize();
  }

  /** Go on without a connection, as the person of the last session. */
  continueOffline() {
    this.lastInput = Date.now();
    this.update({ phase: this.choosePhase(), message: t("continuedOffline", { name: this.person.display_name }) });
  }

  choosePhase() {
    if (this.settings.tenant.shifts_required && !this.shift) return "open";
    return this.parts.length ? "pay" : "sell";
  }

  /** @param {string} [message] */
  lock(message = "") {
    this.api.useTokens(null);
    if (this.phase === "setup" || this.phase === "lock") return;
    this.update({ phase: "lock", dialog: null, message });
    this.loadPeople();
  }

  lockIfIdle() {
    const isIdle = Date.now() - this.lastInput > IDLE_MINUTES * 60_000;
    if (isIdle && !this.isBusy && !["setup", "lock", "loading"].includes(this.phase)) this.lock(t("lockedIdle"));
  }

  // --- Connection and synchronization -------------------------------------------------------------

  /** @param {boolean} isOnline */
  noteConnection(isOnline) {
    if (isOnline === this.isOnline) return;
    const offlineSince = isOnline ? null : new Date().toISOString();
    this.update({ isOnline, offlineSince });
  }

  get unsent() {
    return this.sales.filter(({ state }) => state === "unsent" || state === "sending");
  }

  get rejected() {
    return this.sales.filter(({ state }) => state === "rejected");
  }

  /** Upload what is unsent and load what has changed; without a connection this does nothing. */
  async synchronize() {
    // The manager of the set-up can be one of another shop.
    if (this.isSyncing || !this.api.access || this.isBusy || this.phase === "setup") return;
    this.isSyncing = true;
    try {
      await this.upload();
      await this.follow();
    } catch (error) {
      if (!(error instanceof Unreachable || error instanceof Refused)) throw error;
    } finally {
      this.isSyncing = false;
    }
  }

  async upload() {
    const waiting = this.sales.filter(({ state }) => state === "unsent");
    if (!waiting.length) return;
    const results = await uploadSales(this.api, waiting.map(buildOfflineSale));
    for (const [at, result] of results.entries()) await this.noteResult(waiting[at], result);
    this.onchange();
  }

  /** @param {any} sale @param {any} result */
  async noteResult(sale, result) {
    const isBooked = result.status !== "rejected";
    const { code = "", errors = [] } = result;
    const outcome = isBooked ? { state: "sent", order: summarize(result.order) } : { state: "rejected", code, errors };
    await this.saveSale({ ...sale, ...outcome });
  }

  /** @param {any} sale @param {Record<string, any>} [values] */
  async saveSale(sale, values) {
    await this.store.updateSale(sale, values);
    this.sales = [...this.sales.filter(({ id }) => id !== sale.id), sale];
  }

  /** Upload a rejected sale once more. @param {any} sale */
  async sendAgain(sale) {
    await this.saveSale({ ...sale, state: "unsent" });
    await this.upload();
  }

  async follow() {
    const { id } = this.pairing.register;
    const snapshot = await loadSnapshot(this.api, this.position);
    // The device may have been paired with another register meanwhile.
    if (id === this.pairing.register.id) await this.applySnapshot(snapshot);
  }

  /** Find out about sales whose answer was lost when the page was closed: no screen has shown them as done. */
  async resolveInterrupted() {
    for (const sale of this.sales.filter(({ state }) => state === "sending")) {
      const order = await this.findOrder(sale.id);
      if (order) {
        this.cart = this.cart.id === sale.id ? createCart() : this.cart;
        await this.saveSale({ ...sale, state: "sent", order: summarize(order) }, { cart: this.cart });
      } else {
        await this.restoreCart(sale);
      }
    }
  }

  /** @param {string} id */
  async findOrder(id) {
    try {
      const order = await this.api.get(`orders/${id}/`);
      return order.status === "completed" ? order : null;
    } catch (error) {
      if (error instanceof Refused && error.status === 404) return null;
      throw error;
    }
  }

  /** Put a sale that was not made back into the cart. @param {any} sale */
  async restoreCart(sale) {
    const isFree = !this.cart.lines.length || this.cart.id === sale.id;
    const held = isFree ? this.held : [...this.held, { cart: sale.cart, at: sale.sold_at, total: sale.total }];
    this.cart = isFree ? sale.cart : this.cart;
    const drawer = sale.drawer_before ?? null;
    await this.store.cancelSale(sale, { cart: this.cart, held, drawer });
    this.held = held;
    this.sales = this.sales.filter(({ id }) => id !== sale.id);
  }

  // --- Shift --------------------------------------------------------------------------------------

  async loadShift() {
    if (!this.isOnline && this.shift) return;
    try {
      this.shift = await this.api.get("shifts/current/", { register: this.pairing.register.id });
      this.suggestedFloat = null;
      this.ended = null;
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "no_current_shift") throw error;
      this.shift = null;
      this.suggestedFloat = error.problem.suggested_float;
      const query = { register: this.pairing.register.id, status: "ended" };
      this.ended = (await this.api.get("shifts/", query)).results[0] ?? null;
    }
    await this.store.set({ shift: this.shift });
  }

  /** Show what was sold so far, and the form for the count. @param {any} shift */
  async beginClosing(shift) {
    await this.upload();
    const report = await this.api.get(`shifts/${shift.id}/x-report/`);
    this.update({ shift, report, phase: "close" });
  }

  async prepareShift() {
    await this.loadShift();
    this.update({ phase: this.choosePhase(), report: null });
  }

  /** @param {string} float */
  async openShift(float) {
    const body = { id: crypto.randomUUID(), register: this.pairing.register.id, opening_float: float };
    this.shift = await this.api.post("shifts/", body);
    await this.store.set({ shift: this.shift, drawer: { shift: this.shift.id, cash: float, sales: 0 } });
    this.update({ phase: "sell" });
  }

  /**
   * Close the shift: end it if it is open, and hand in the count.
   *
   * @param {{denominations: any[], counted: any[], note: string}} count
   */
  async closeShift({ denominations, counted, note }) {
    await this.upload();
    if (this.shift.status === "open") {
      this.shift = await this.api.post(`shifts/${this.shift.id}/end/`);
      await this.store.set({ shift: this.shift });
    }
    const body = { denominations, counted, ...(note ? { note } : {}) };
    const closed = await this.api.post(`shifts/${this.shift.id}/close/`, body);
    const text = await this.api.get(`shifts/${closed.id}/z-report/`, { format: "text" });
    this.shift = null;
    await this.store.set({ shift: null, drawer: null });
    this.suggestedFloat = null;
    this.update({ phase: "closed", report: text });
  }

  // --- Selling ------------------------------------------------------------------------------------

  get priced() {
    return priceCart(this.cart, this.catalog, this.settings.tenant);
  }

  get exponent() {
    return this.settings.tenant.currency_exponent;
  }

  /** Change the cart; `undo` returns to the one before. @param {import("./money/cart.js").Cart} cart @param {string | null} [selected] */
  changeCart(cart, selected) {
    const history = [...this.history, this.cart].slice(-MAX_UNDO);
    const last = cart.lines.at(-1)?.id ?? null;
    this.update({ cart, history, selected: selected === undefined ? last : selected, message: "" });
    this.store.set({ cart }).catch((error) => this.say(explain(error)));
  }

  undo() {
    const cart = this.history.at(-1);
    if (!cart) return;
    const history = this.history.slice(0, -1);
    this.update({ cart, history, selected: cart.lines.at(-1)?.id ?? null, message: t("undone") });
    this.store.set({ cart }).catch((error) => this.say(explain(error)));
  }

  /**
   * Add a product, after asking for what it needs; a scan does not wait for choices that may be left out.
   *
   * @param {any} product
   * @param {any} [facts]
   * @param {boolean} [isScanned]
   */
  add(product, facts = {}, isScanned = false) {
    const isWeightNeeded = product.sold_by === "weight" && !facts.quantity;
    if (isWeightNeeded) return this.update({ dialog: { kind: "weight", product, facts } });
    const lists = this.catalog.listModifiers(product);
    const isChoiceNeeded = lists.some(({ min }) => min > 0) || (lists.length && !isScanned);
    if (isChoiceNeeded && !facts.modifiers && !facts.fixedGross) {
      return this.update({ dialog: { kind: "modifiers", product, facts, isScanned } });
    }
    const isPriceNeeded = product.open_price && !facts.price && !facts.fixedGross;
    if (isPriceNeeded) return this.update({ dialog: { kind: "price", product, facts } });
    this.changeCart(addProduct(this.cart, product, facts));
    this.update({ dialog: null });
  }

  /** @param {string} code */
  async scan(code) {
    if (this.phase === "done") this.startNext();
    if (this.phase !== "sell") return;
    const found = this.catalog.find(code);
    if (found) {
      const { product, quantity, fixedGross } = found;
      const isLabel = quantity || fixedGross;
      return this.add(product, isLabel ? { quantity, fixedGross: fixedGross ?? null, code } : {}, true);
    }
    await this.run(() => this.findOnline(code));
  }

  /** Let the server read a code that the device does not know, such as a GS1 code. @param {string} code */
  async findOnline(code) {
    const unknown = t("unknownCode", { code });
    if (!this.isOnline || !this.api.access) throw new Error(unknown);
    const body = { register: this.pairing.register.id, lines: [{ barcode: code, quantity: "1" }] };
    try {
      const { lines } = await this.api.post("orders/calculate/", body);
      const { product: id, quantity, fixed_gross: fixedGross } = lines[0];
      await this.follow();
      this.add(this.catalog.products.get(id), { quantity, fixedGross, code });
    } catch (error) {
      if (error instanceof Refused && error.code === "invalid") throw new Error(unknown);
      throw error;
    }
  }

  /** @param {any} facts */
  changeSelected(facts) {
    if (this.selected) this.changeCart(changeLine(this.cart, this.selected, facts), this.selected);
  }

  removeSelected() {
    if (this.selected) this.changeCart(removeLine(this.cart, this.selected));
  }

  /** @param {number} by */
  stepQuantity(by) {
    const line = this.cart.lines.find(({ id }) => id === this.selected);
    if (!line || line.fixedGross || !/^-?\d+$/.test(line.quantity)) return;
    const direction = line.quantity.startsWith("-") ? -by : by;
    const quantity = sumAmounts([line.quantity, `${direction}`], 0);
    if (quantity === "0") this.removeSelected();
    else this.changeSelected({ quantity });
  }

  clearCart() {
    this.changeCart({ ...createCart(), id: this.cart.id });
    this.update({ dialog: null });
  }

  async hold() {
    if (!this.cart.lines.length) return;
    const held = [...this.held, { cart: this.cart, at: new Date().toISOString(), total: this.priced.total }];
    const cart = createCart();
    // At once, because a scan may follow before it is written.
    this.update({ held, cart, history: [], selected: null, message: t("heldNow") });
    await this.store.set({ held, cart: this.cart });
  }

  /** @param {number} at */
  async takeUp(at) {
    const { cart } = this.held[at];
    const held = this.held.filter((_, position) => position !== at);
    const also = this.cart.lines.length ? [{ cart: this.cart, at: new Date().toISOString(), total: this.priced.total }] : [];
    this.update({ held: [...held, ...also], cart, history: [], selected: cart.lines.at(-1)?.id, dialog: null });
    await this.store.set({ held: [...held, ...also], cart: this.cart });
  }

  // --- Paying -------------------------------------------------------------------------------------

  get left() {
    return subtract(this.priced.total, sumAmounts(this.parts.map(({ amount }) => amount), this.exponent), this.exponent);
  }

  /** Return what a cash payment of the rest comes to. */
  get cashDue() {
    return settleCash(this.left, null, chooseCashRule(this.settings.tenant), this.priced.total).payable;
  }

  /**
   * Take cash: the rest, with change, or a part if it does not suffice.
   *
   * @param {string} tendered
   */
  async payCash(tendered) {
    const due = this.cashDue;
    const isRest = isPaidOut(due) || compareAmounts(tendered, due) >= 0;
    const payment = { id: crypto.randomUUID(), method: "cash", amount: isRest ? due : tendered };
    if (!isRest) return this.payPart(payment);
    if (isPaidOut(due)) return this.finish([...this.parts, payment]);
    const change = subtract(tendered, due, this.exponent);
    await this.finish([...this.parts, { ...payment, tendered, change }]);
  }

  /** Take a card that a stand-alone terminal has charged. @param {string} amount @param {string} reference */
  async payCard(amount, reference) {
    const slip = reference ? { reference } : {};
    await this.payPart({ id: crypto.randomUUID(), method: "card", amount, entry: "external", ...slip });
  }

  /** @param {any} payment */
  async payPart(payment) {
    const rule = chooseCashRule(this.settings.tenant);
    if (payment.method === "cash") {
      const { outcome } = settleCash(this.left, payment.amount, rule, this.priced.total);
      if (outcome !== "part") throw new Error(t("notInCoins"));
    } else if (compareAmounts(payment.amount, this.left) > 0) {
      throw new Error(t("tooMuch"));
    }
    const parts = [...this.parts, payment];
    const left = subtract(this.left, payment.amount, this.exponent);
    // A card that was charged must not be forgotten.
    await this.store.set({ parts });
    this.update({ parts });
    if (compareAmounts(left, "0") <= 0) await this.finish(parts);
  }

  /** Forget a part that was given back to the customer. @param {string} id */
  async removePart(id) {
    const parts = this.parts.filter((part) => part.id !== id);
    await this.store.set({ parts });
    this.update({ parts });
  }

  /** Sell: write the sale durably, send it, and only then show the change. @param {any[]} payments @param {string} [approval] */
  async finish(payments, approval) {
    const sale = await this.beginSale(payments);
    try {
      const order = await this.sendSale(sale, approval);
      await this.endSale({ ...sale, ...useServerAmounts(sale, order), state: "sent", order: summarize(order) });
    } catch (error) {
      if (error instanceof Unreachable) return this.endSale({ ...sale, state: "unsent" });
      await this.restoreCart(sale);
      await this.handleRefusal(error, payments);
    }
  }

  /** @param {any[]} payments */
  async beginSale(payments) {
    const { drawer } = await this.store.get("drawer");
    const record = buildSale(this.cart, this.priced, payments, this.person);
    const cash = payments.filter(({ method }) => method === "cash").map(({ amount }) => amount);
    const after = {
      shift: this.shift?.id ?? null,
      cash: sumAmounts([drawer?.cash ?? "0", ...cash], this.exponent),
      sales: (drawer?.sales ?? 0) + 1,
    };
    const sale = { ...record, state: "sending", drawer_before: drawer ?? null };
    const saved = await this.store.startSale(sale, { drawer: after });
    this.sales = [...this.sales, saved];
    return saved;
  }

  /** @param {any} sale @param {string} [approval] */
  async sendSale(sale, approval) {
    if (!this.isOnline || !this.api.access) throw new Unreachable("There is no connection.");
    const body = buildOrder(sale, approval);
    if (!sale.payments.some(paysRest)) await this.ensureSameTotal(sale, body);
    return this.api.post("orders/", body, { timeout: SALE_TIMEOUT });
  }

  /** Ask the server for the total that a card must have paid exactly. @param {any} sale @param {any} body */
  async ensureSameTotal(sale, body) {
    const { device_sequence: sequence, payments, approval, ...basket } = body;
    const { total } = await this.api.post("orders/calculate/", { ...basket, register: this.pairing.register.id });
    if (compareAmounts(total, sale.total) === 0) return;
    await this.loadEverything();
    throw new Error(t("pricesChanged", { before: sale.total, after: total }));
  }

  /** @param {any} sale */
  async endSale(sale) {
    const cart = createCart();
    await this.saveSale(sale, { cart, parts: [] });
    this.update({ cart, history: [], selected: null, parts: [], lastSale: sale, phase: "done", dialog: null, query: "" });
  }

  /** @param {unknown} error @param {any[]} payments */
  async handleRefusal(error, payments) {
    if (!(error instanceof Refused)) throw error;
    if (error.code === "no_open_shift") {
      await this.loadShift();
      this.update({ phase: "open" });
    } else if (error.problem.action && this.isPriceOutdated(error)) {
      const before = this.priced.total;
      await this.follow();
      const after = this.priced.total;
      // The same price again: the clock of the device is wrong, so that another list price applies.
      if (after === before) return this.askForApproval(error.problem, payments);
      throw new Error(t("pricesChanged", { before, after }));
    } else if (error.problem.action) {
      return this.askForApproval(error.problem, payments);
    }
    throw error;
  }

  /** Let a manager approve a sale, and make it then. @param {any} problem @param {any[]} payments */
  askForApproval(problem, payments) {
    const repeat = (/** @type {string} */ approval) => this.finish(payments, approval);
    this.update({ dialog: { kind: "approval", problem, repeat } });
  }

  /** A price that nobody has typed is that of the catalog before it changed. @param {Refused} error */
  isPriceOutdated(error) {
    return error.problem.action === "price_override" && this.cart.lines.every(({ price }) => !price);
  }

  /**
   * Approve by a manager's PIN in place, and repeat what was refused.
   *
   * @param {any} problem
   * @param {(approval: string) => Promise<any>} repeat
   * @param {string} user
   * @param {string} pin
   */
  async approve(problem, repeat, user, pin) {
    const names = ["action", "object", "amount", "method"];
    const wanted = Object.fromEntries(names.filter((name) => name in problem).map((name) => [name, problem[name]]));
    const approval = await this.api.post("approvals/", wanted);
    await this.api.post(`approvals/${approval.id}/approve/`, { user, pin });
    await repeat(approval.id);
  }

  /**
   * Book cash that is put into the drawer or taken out of it, or that it is opened without a sale.
   *
   * @param {{id: string, type: string, amount?: string, reason: string}} movement
   * @param {string} [approval]
   */
  async moveCash(movement, approval) {
    // The server knows what is in the drawer only with all sales.
    await this.upload();
    const body = approval ? { ...movement, approval } : movement;
    try {
      await this.api.post(`shifts/${this.shift.id}/cash-movements/`, body);
    } catch (error) {
      if (!(error instanceof Refused) || error.code !== "approval_required") throw error;
      const repeat = (/** @type {string} */ given) => this.moveCash(movement, given);
      return this.update({ dialog: { kind: "approval", problem: error.problem, repeat } });
    }
    this.update({ dialog: null, message: t("cashMoved") });
  }

  startNext() {
    this.update({ phase: "sell", lastSale: null, message: "" });
  }

  // --- The device ---------------------------------------------------------------------------------

  /** Forget the pairing; not with sales that the server does not have. */
  async unpair() {
    if (this.unsent.length || this.rejected.length) throw new Error(t("unpairUnsent", { count: this.unsent.length + this.rejected.length }));
    if (this.api.access && this.isOnline) {
      await this.api.post(`registers/${this.pairing.register.id}/unpair/`);
    }
    await this.store.clear();
    location.reload();
  }
}

/** Return what belongs to a register and its shop, as on a device that was just paired. */
function createEmptyState() {
  return { cart: createCart(), held: [], parts: [], shift: null, person: null, settings: null, position: 0 };
}

/** @param {any} row */
function isActive(row) {
  return row.is_active;
}

/** Return what a sale needs to know of its order. @param {any} order */
function summarize(order) {
  const { number, receipt_number: receiptNumber, total, change_total: change, flags } = order;
  return { number, receipt_number: receiptNumber, total, change, flags };
}

/** The amounts of the server count: they are on the receipt. @param {any} sale @param {any} order */
function useServerAmounts(sale, order) {
  return { total: order.total, change: order.change_total, is_other_total: order.total !== sale.total };
}

/** Return what an error means for the person at the register. @param {any} error */
export function explain(error) {
  if (error instanceof Unreachable) return t("unreachable");
  if (!(error instanceof Refused)) return error?.name === "QuotaExceededError" ? t("storageFull") : `${error?.message ?? error}`;
  const fields = (error.problem.errors ?? []).map((/** @type {any} */ each) => `${each.field}: ${each.detail}`);
  return [error.message, ...fields].join(" ");
}
