/**
 * What the device keeps: its pairing, the catalog, the open cart, held carts and sales.
 *
 * A sale has one of these states: `sending` (the server may have it; no screen shows it as done yet), `unsent`
 * (done, and to be uploaded), `open` (an order of the server, which is being paid), `sent`, or `rejected` (with the
 * reason of the server).
 */

import { changeRows, readRows, replaceRows } from "./blocks.js";
import { openDatabase, transact } from "./database.js";
import { request } from "./request.js";
import { keepSequence } from "./sequence.js";

const KEPT_SALES = 300;
const STORES = ["device", "products", "prices", "sales"];

export class Store {
  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database;
    this.use(database);
    /** What was read or written last of the keys of the device. @type {Record<string, any>} */
    this.known = {};
    /** Called when the browser has deleted the database: returns the rows to write again. @type {() => {products: any[], prices: any[], sales: any[]}} */
    this.onlost = () => ({ products: [], prices: [], sales: [] });
    /** @type {Promise<void> | null} */
    this.reopening = null;
  }

  static async open() {
    return new Store(await openDatabase());
  }

  /** @param {IDBDatabase} database */
  use(database) {
    this.database = database;
    database.onclose = () => this.reopen().catch(() => {});
  }

  /**
   * Run a transaction, once more if the browser has deleted the database meanwhile.
   *
   * @template T
   * @param {string[]} stores
   * @param {IDBTransactionMode} mode
   * @param {(transaction: IDBTransaction) => Promise<T> | T} work
   * @returns {Promise<T>}
   */
  async transact(stores, mode, work) {
    await this.reopening;
    try {
      return await transact(this.database, stores, mode, work);
    } catch (error) {
      if (error?.name !== "InvalidStateError") throw error;
      await this.reopen();
      return transact(this.database, stores, mode, work);
    }
  }

  /** Find out whether the database is still there, and write it again if not. */
  async ensureOpen() {
    await this.transact(["device"], "readonly", () => {});
  }

  /** Open the database again; if it is empty, write everything that the page knows. */
  reopen() {
    this.reopening ??= this.restore().finally(() => (this.reopening = null));
    return this.reopening;
  }

  async restore() {
    this.use(await openDatabase());
    await transact(this.database, STORES, "readwrite", async (transaction) => {
      const isEmpty = !(await request(transaction.objectStore("device").count()));
      if (!isEmpty || !this.known.pairing) return;
      const { products, prices, sales } = this.onlost();
      replaceRows(transaction.objectStore("products"), products);
      replaceRows(transaction.objectStore("prices"), prices);
      for (const sale of sales) transaction.objectStore("sales").put(sale);
      putAll(transaction, this.known);
    });
  }

  /** @param {IDBTransaction} transaction @param {Record<string, any>} values */
  put(transaction, values) {
    putAll(transaction, values);
    transaction.addEventListener("complete", () => {
      Object.assign(this.known, values);
      const register = this.known.pairing?.register.id;
      if (register && "sequence" in values) keepSequence(register, values.sequence);
    });
  }

  /** Return the values of some keys. @param {string[]} keys */
  async get(...keys) {
    return this.transact(["device"], "readonly", async (transaction) => {
      const device = transaction.objectStore("device");
      const values = await Promise.all(keys.map((key) => request(device.get(key))));
      const found = Object.fromEntries(keys.map((key, at) => [key, values[at]]));
      Object.assign(this.known, found);
      return found;
    });
  }

  /** Write some keys in one transaction. @param {Record<string, any>} values */
  async set(values) {
    return this.transact(["device"], "readwrite", (transaction) => {
      this.put(transaction, values);
    });
  }

  /** Forget the pairing and everything else; keep only the given keys. @param {Record<string, any>} [values] */
  async clear(values = {}) {
    return this.transact(STORES, "readwrite", (transaction) => {
      this.known = {};
      for (const name of STORES) transaction.objectStore(name).clear();
      this.put(transaction, values);
    });
  }

  /** Return the products, and the prices of price lists. */
  async loadCatalog() {
    return this.transact(["products", "prices"], "readonly", async (transaction) => {
      const products = await readRows(transaction.objectStore("products"));
      return { products, prices: await readRows(transaction.objectStore("prices")) };
    });
  }

  /**
   * Write the catalog, or what changed in it, together with the position in the change feed.
   *
   * @param {Record<string, {changed: any[], removed: string[]}>} tables products and prices
   * @param {Record<string, any>} values further keys of the device
   * @param {boolean} isAll
   */
  async saveCatalog(tables, values, isAll) {
    const stores = ["device", ...Object.keys(tables)];
    return this.transact(stores, "readwrite", async (transaction) => {
      for (const [name, changes] of Object.entries(tables)) {
        const stored = transaction.objectStore(name);
        if (isAll) replaceRows(stored, changes.changed);
        else await changeRows(stored, changes);
      }
      this.put(transaction, values);
    });
  }

  async listSales() {
    const sales = await this.transact(["sales"], "readonly", (transaction) =>
      request(transaction.objectStore("sales").getAll()),
    );
    return sales.sort((one, other) => one.device_sequence - other.device_sequence);
  }

  /**
   * Write a new sale with the next number of the device and the drawer, in one transaction. A sale that was
   * begun before keeps its number, because the server may have it.
   *
   * @param {any} sale
   * @param {Record<string, any>} values further keys of the device, such as the cart
   */
  async startSale(sale, values = {}) {
    return this.transact(["device", "sales"], "readwrite", async (transaction) => {
      const device = transaction.objectStore("device");
      const sales = transaction.objectStore("sales");
      const last = (await request(device.get("sequence"))) ?? 0;
      const known = await request(sales.get(sale.id));
      const numbered = { ...sale, device_sequence: known?.device_sequence ?? last + 1 };
      sales.put(numbered);
      this.put(transaction, { ...values, sequence: Math.max(last, numbered.device_sequence) });
      return numbered;
    });
  }

  /** Write a sale that has changed. @param {any} sale @param {Record<string, any>} [values] */
  async updateSale(sale, values = {}) {
    return this.transact(["device", "sales"], "readwrite", async (transaction) => {
      const sales = transaction.objectStore("sales");
      sales.put(sale);
      this.put(transaction, values);
      await dropOldSales(sales);
    });
  }

  /** Remove a sale that was given up after its number was used. @param {any} sale @param {Record<string, any>} values */
  async dropSale(sale, values) {
    return this.transact(["device", "sales"], "readwrite", (transaction) => {
      transaction.objectStore("sales").delete(sale.id);
      this.put(transaction, values);
    });
  }

  /** Remove a sale that the server refused, and free its number. @param {any} sale @param {Record<string, any>} values */
  async cancelSale(sale, values) {
    return this.transact(["device", "sales"], "readwrite", async (transaction) => {
      const device = transaction.objectStore("device");
      transaction.objectStore("sales").delete(sale.id);
      const sequence = await request(device.get("sequence"));
      const freed = sequence === sale.device_sequence ? { sequence: sequence - 1 } : {};
      this.put(transaction, { ...values, ...freed });
    });
  }
}

/** @param {IDBTransaction} transaction @param {Record<string, any>} values */
function putAll(transaction, values) {
  const device = transaction.objectStore("device");
  for (const [key, value] of Object.entries(values)) device.put(value, key);
}

/** Keep the newest sales that the server has; others are never removed. @param {IDBObjectStore} sales */
async function dropOldSales(sales) {
  if ((await request(sales.count())) <= KEPT_SALES) return;
  const sent = (await request(sales.getAll())).filter(({ state }) => state === "sent");
  sent.sort((one, other) => one.device_sequence - other.device_sequence);
  for (const { id } of sent.slice(0, Math.max(0, sent.length - KEPT_SALES))) sales.delete(id);
}
