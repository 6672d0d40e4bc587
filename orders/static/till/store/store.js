/**
 * What the device keeps: its pairing, the catalog, the open cart, held carts and sales.
 *
 * A sale has one of these states: `sending` (the server may have it; no screen shows it as done yet), `unsent`
 * (done, and to be uploaded), `sent`, or `rejected` (with the reason of the server).
 */

import { openDatabase, request, transact } from "./database.js";

const KEPT_SALES = 300;

export class Store {
  /** @param {IDBDatabase} database */
  constructor(database) {
    this.database = database;
  }

  static async open() {
    return new Store(await openDatabase());
  }

  /** Return the values of some keys. @param {string[]} keys */
  async get(...keys) {
    return transact(this.database, ["device"], "readonly", async (transaction) => {
      const device = transaction.objectStore("device");
      const values = await Promise.all(keys.map((key) => request(device.get(key))));
      return Object.fromEntries(keys.map((key, at) => [key, values[at]]));
    });
  }

  /** Write some keys in one transaction. @param {Record<string, any>} values */
  async set(values) {
    return transact(this.database, ["device"], "readwrite", (transaction) => {
      putAll(transaction, values);
    });
  }

  /** Forget the pairing and everything else; keep only the given keys. @param {Record<string, any>} [values] */
  async clear(values = {}) {
    const stores = ["device", "products", "prices", "sales"];
    return transact(this.database, stores, "readwrite", (transaction) => {
      for (const name of stores) transaction.objectStore(name).clear();
      putAll(transaction, values);
    });
  }

  /** Return the products, and the prices of price lists. */
  async loadCatalog() {
    return transact(this.database, ["products", "prices"], "readonly", async (transaction) => {
      const products = await request(transaction.objectStore("products").getAll());
      return { products, prices: await request(transaction.objectStore("prices").getAll()) };
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
    return transact(this.database, stores, "readwrite", (transaction) => {
      for (const [name, { changed, removed }] of Object.entries(tables)) {
        const stored = transaction.objectStore(name);
        if (isAll) stored.clear();
        for (const row of changed) stored.put(row);
        for (const id of removed) stored.delete(id);
      }
      putAll(transaction, values);
    });
  }

  async listSales() {
    const sales = await transact(this.database, ["sales"], "readonly", (transaction) =>
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
    return transact(this.database, ["device", "sales"], "readwrite", async (transaction) => {
      const device = transaction.objectStore("device");
      const sales = transaction.objectStore("sales");
      const last = (await request(device.get("sequence"))) ?? 0;
      const known = await request(sales.get(sale.id));
      const numbered = { ...sale, device_sequence: known?.device_sequence ?? last + 1 };
      sales.put(numbered);
      putAll(transaction, { ...values, sequence: Math.max(last, numbered.device_sequence) });
      return numbered;
    });
  }

  /** Write a sale that has changed. @param {any} sale @param {Record<string, any>} [values] */
  async updateSale(sale, values = {}) {
    return transact(this.database, ["device", "sales"], "readwrite", async (transaction) => {
      const sales = transaction.objectStore("sales");
      sales.put(sale);
      putAll(transaction, values);
      await dropOldSales(sales);
    });
  }

  /** Remove a sale that the server refused, and free its number. @param {any} sale @param {Record<string, any>} values */
  async cancelSale(sale, values) {
    return transact(this.database, ["device", "sales"], "readwrite", async (transaction) => {
      const device = transaction.objectStore("device");
      transaction.objectStore("sales").delete(sale.id);
      const sequence = await request(device.get("sequence"));
      const freed = sequence === sale.device_sequence ? { sequence: sequence - 1 } : {};
      putAll(transaction, { ...values, ...freed });
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
