/** The products in memory: found by id, by code, by PLU and by the beginning of words. */

import { buildKey, normalizePlu, readLabel } from "../scan/codes.js";
import { computeLabeledQuantity } from "../money/engine.js";

const MAX_FOUND = 60;

/** Return text as it is searched: lower case, without accents. @param {string} text */
export function fold(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

export class Catalog {
  constructor() {
    /** @type {Map<string, any>} */
    this.products = new Map();
    /** @type {any} tax classes, categories and rules */
    this.settings = {};
    /** @type {Map<string, any>} */
    this.taxClasses = new Map();
    /** @type {any[]} */
    this.categories = [];
    /** @type {any[]} in the order of their priority */
    this.rules = [];
    /** @type {Map<string, {product: any, code: string}>} by the key of the code */
    this.byCode = new Map();
    /** @type {Map<string, any>} */
    this.byPlu = new Map();
    /** @type {any[]} the active products by name */
    this.sorted = [];
    /** @type {string[]} what is searched of each of them */
    this.texts = [];
  }

  /** @param {any[]} products @param {any} settings */
  replace(products, settings) {
    this.products = new Map(products.map((product) => [product.id, product]));
    this.settings = settings;
    this.index();
  }

  /** @param {any[]} products @param {string[]} removed */
  update(products, removed) {
    for (const product of products) this.products.set(product.id, product);
    for (const id of removed) this.products.delete(id);
    if (products.length || removed.length) this.index();
  }

  index() {
    const { categories = [], tax_classes: taxClasses = [], rules = [] } = this.settings;
    this.taxClasses = new Map(taxClasses.map((each) => [each.id, each]));
    this.categories = categories;
    this.rules = [...rules].sort((one, other) => other.priority - one.priority);
    this.byCode = new Map();
    this.byPlu = new Map();
    const active = [...this.products.values()].filter((product) => product.is_active);
    for (const product of active) {
      for (const code of product.barcodes) this.byCode.set(buildKey(code), { product, code });
      if (product.plu) this.byPlu.set(normalizePlu(product.plu), product);
    }
    const compare = new Intl.Collator().compare;
    this.sorted = active.sort((one, other) => compare(one.name, other.name));
    this.texts = this.sorted.map((product) =>
      fold([product.name, product.sku, ...product.barcodes].join(" ")),
    );
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
   * @param {string} code
   * @returns {{product: any, quantity?: string, fixedGross?: string} | null}
   */
  find(code) {
    const found = this.byCode.get(buildKey(code));
    if (found?.code === code) return { product: found.product };
    const label = readLabel(code, this.rules);
    if (!label) return found ? { product: found.product } : null;
    const product = this.byPlu.get(label.plu);
    if (!product) return null;
    if (label.kind === "weight") return { product, quantity: label.value };
    const isWeighed = product.sold_by === "weight";
    const quantity = isWeighed ? computeLabeledQuantity(label.value, product.price) : "1";
    return { product, fixedGross: label.value, quantity };
  }
}
