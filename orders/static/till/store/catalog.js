/** The products in memory: found by id, by code, by PLU and by the beginning of words. */

import { buildKey, normalizePlu, readLabel, removeSymbology } from "../scan/codes.js";
import { choosePrice, computeLabeledQuantity } from "../money/engine.js";

const MAX_FOUND = 60;
/** With more changes than this the whole index is built again. */
const MAX_REPLACED = 200;
const { compare } = new Intl.Collator();

/** Return text as it is searched: lower case, without accents. @param {string} text */
export function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/** Return the name of a product with the options of a variant. @param {any} product */
export function nameProduct(product) {
  const options = Object.values(product.options ?? {}).filter((value) => !product.name.includes(value));
  return [product.name, ...options].join(", ");
}

/** Return the local time of a store, such as `2026-12-01T10:00:00`. @param {Date} at @param {string} timeZone */
function formatLocalTime(at, timeZone) {
  const format = new Intl.DateTimeFormat("sv-SE", { timeZone, dateStyle: "short", timeStyle: "medium" });
  return format.format(at).replace(" ", "T");
}

/** Return what is searched of a product. @param {any} product */
function buildText(product) {
  return fold([nameProduct(product), product.sku, ...product.barcodes].join(" "));
}

/** @param {any} former @param {any} product */
function keepsCodes(former, product) {
  const isSame = product && former.plu === product.plu && isSold(former) === isSold(product);
  return isSame && former.barcodes.every((/** @type {string} */ code) => product.barcodes.includes(code));
}

/** @param {any} product */
function isSold(product) {
  return product.is_active && !product.has_variants;
}

/** @param {Map<string, any>} rows @param {{changed: any[], removed: string[]}} changes */
function applyRows(rows, { changed, removed }) {
  for (const row of changed) rows.set(row.id, row);
  for (const id of removed) rows.delete(id);
}

export class Catalog {
  constructor() {
    /** @type {Map<string, any>} */
    this.products = new Map();
    /** @type {Map<string, any>} */
    this.prices = new Map();
    /** @type {Map<string, import("../money/engine.js").ListPrice[]>} by product */
    this.listPrices = new Map();
    /** @type {Map<string, any>} */
    this.modifierLists = new Map();
    /** @type {any} tax classes, categories and rules */
    this.settings = {};
    /** @type {Map<string, any>} */
    this.taxClasses = new Map();
    /** @type {any[]} */
    this.categories = [];
    /** @type {any[]} in the order of their priority */
    this.rules = [];
    /** @type {Map<string, any>} by the barcode as it was entered */
    this.byText = new Map();
    /** @type {Map<string, any>} by the key of the barcode, without labels */
    this.byKey = new Map();
    /** @type {Map<string, any>} */
    this.byPlu = new Map();
    /** @type {any[]} the active products by name */
    this.sorted = [];
    /** @type {string[]} what is searched of each of them */
    this.texts = [];
  }

  /** @param {any[]} products @param {any[]} prices @param {any} settings */
  replace(products, prices, settings) {
    this.products = new Map(products.map((product) => [product.id, product]));
    this.prices = new Map(prices.map((price) => [price.id, price]));
    this.settings = settings;
    this.index();
  }

  /**
   * @param {{changed: any[], removed: string[]}} products
   * @param {{changed: any[], removed: string[]}} prices
   * @param {any} settings
   */
  update(products, prices, settings) {
    const ids = [...products.changed.map(({ id }) => id), ...products.removed];
    const former = ids.map((id) => this.products.get(id)).filter(Boolean);
    const isPriced = prices.changed.length || prices.removed.length || settings.price_lists !== this.settings.price_lists;
    const isRead = settings.rules !== this.settings.rules;
    applyRows(this.products, products);
    applyRows(this.prices, prices);
    this.settings = settings;
    this.indexSettings();
    if (isPriced) this.listPrices = this.groupPrices();
    // A code that is removed may be that of another product, too.
    const isCodeRemoved = former.some((product) => !keepsCodes(product, this.products.get(product.id)));
    if (ids.length > MAX_REPLACED || isCodeRemoved || isRead) this.indexProducts();
    else this.replaceInIndex(former, products.changed);
  }

  index() {
    this.indexSettings();
    this.listPrices = this.groupPrices();
    this.indexProducts();
  }

  indexSettings() {
    const { categories = [], tax_classes: taxClasses = [], rules = [] } = this.settings;
    this.taxClasses = new Map(taxClasses.map((each) => [each.id, each]));
    this.categories = categories;
    this.rules = [...rules].sort((one, other) => other.priority - one.priority);
    this.modifierLists = new Map((this.settings.modifier_lists ?? []).map((/** @type {any} */ each) => [each.id, each]));
  }

  indexProducts() {
    this.byText = new Map();
    this.byKey = new Map();
    this.byPlu = new Map();
    const active = [...this.products.values()].filter(isSold);
    for (const product of active) this.indexCodes(product);
    this.sorted = active.sort((one, other) => compare(one.name, other.name));
    this.texts = this.sorted.map(buildText);
  }

  /** @param {any} product */
  indexCodes(product) {
    for (const code of product.barcodes) {
      this.byText.set(code, product);
      if (!readLabel(code, this.rules)) this.byKey.set(buildKey(code), product);
    }
    if (product.plu) this.byPlu.set(normalizePlu(product.plu), product);
  }

  /** Replace a few products: sorting all takes too long while somebody scans. @param {any[]} former @param {any[]} changed */
  replaceInIndex(former, changed) {
    const ids = new Set(former.map(({ id }) => id));
    this.texts = this.texts.filter((_, at) => !ids.has(this.sorted[at].id));
    this.sorted = this.sorted.filter(({ id }) => !ids.has(id));
    for (const product of changed.filter(isSold)) {
      this.indexCodes(product);
      const at = this.findPosition(product.name);
      this.sorted.splice(at, 0, product);
      this.texts.splice(at, 0, buildText(product));
    }
  }

  /** Return where a name belongs, after its equals. @param {string} name */
  findPosition(name) {
    let [from, to] = [0, this.sorted.length];
    while (from < to) {
      const middle = (from + to) >> 1;
      if (compare(this.sorted[middle].name, name) <= 0) from = middle + 1;
      else to = middle;
    }
    return from;
  }

  /** Return the prices of price lists that are in use, by product. */
  groupPrices() {
    const lists = new Map((this.settings.price_lists ?? []).map((/** @type {any} */ each) => [each.id, each]));
    /** @type {Map<string, import("../money/engine.js").ListPrice[]>} */
    const grouped = new Map();
    for (const price of this.prices.values()) {
      const list = lists.get(price.price_list);
      if (!price.is_active || !list?.is_active) continue;
      const { amount, min_quantity, valid_from, valid_to } = price;
      const { priority, stores, customer_group } = list;
      const listed = { amount, min_quantity, valid_from, valid_to, priority, stores, customer_group };
      grouped.set(price.product, [...(grouped.get(price.product) ?? []), listed]);
    }
    return grouped;
  }

  /** Return the price of a product for a quantity, here and now. @param {any} product @param {string} quantity @param {string | null} [group] of the customer */
  findPrice(product, quantity, group = null) {
    const listed = this.listPrices.get(product.id);
    if (!listed) return product.price;
    const { tenant, store } = this.settings;
    const at = formatLocalTime(new Date(), store.timezone || tenant.timezone);
    return choosePrice(product.price, listed, quantity, store.id, at, group);
  }

  /** Return the image of a product: a variant without one has its parent's. @param {any} product */
  findImage(product) {
    return product.image ?? this.products.get(product.parent)?.image ?? null;
  }

  /** Return the modifier lists that are offered with a product, in their order. @param {any} product */
  listModifiers(product) {
    const lists = (product.modifier_lists ?? []).map((/** @type {string} */ id) => this.modifierLists.get(id));
    return lists
      .filter((/** @type {any} */ list) => list?.is_active)
      .map((/** @type {any} */ list) => ({ ...list, modifiers: list.modifiers.filter((/** @type {any} */ each) => each.is_active) }));
  }

  /** Return the products that contain all words of a text, or those of a category. @param {string} text @param {string | null} [category] */
  search(text, category = null) {
    const words = fold(text).split(/\s+/).filter(Boolean);
    const found = [];
    for (let at = 0; at < this.sorted.length && found.length < MAX_FOUND; at += 1) {
      const product = this.sorted[at];
      if (category && product.category !== category) continue;
      if (words.every((word) => this.texts[at].includes(word))) found.push(product);
    }
    return found;
  }

  /**
   * Return the product of a scanned code, with the quantity or price of a label; null if unknown.
   *
   * A barcode that is exactly the code wins over a rule, and a code that matches a rule is no GTIN.
   *
   * @param {string} scanned
   * @param {string | null} [group] of the customer
   * @returns {{product: any, quantity?: string, fixedGross?: string} | null}
   */
  find(scanned, group = null) {
    const code = removeSymbology(scanned);
    const exact = this.byText.get(code);
    if (exact) return { product: exact };
    const label = readLabel(code, this.rules);
    if (!label) {
      const found = this.byKey.get(buildKey(code));
      return found ? { product: found } : null;
    }
    const product = this.byPlu.get(label.plu);
    if (!product) return null;
    if (label.kind === "weight") return { product, quantity: label.value };
    const isWeighed = product.sold_by === "weight";
    // Quantity breaks do not apply: the quantity is computed from the price.
    const price = this.findPrice(product, "0", group);
    const quantity = isWeighed ? computeLabeledQuantity(label.value, price) : "1";
    return { product, fixedGross: label.value, quantity };
  }
}
