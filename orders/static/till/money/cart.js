/**
 * The cart: what is being sold, priced by the engine, and the requests that sell it.
 *
 * @typedef {import("./engine.js").Discount & {reason?: string}} CartDiscount
 * @typedef {object} CartLine
 * @property {string} id
 * @property {string} depositId of the line of its deposit
 * @property {string} product
 * @property {string} name
 * @property {string} quantity
 * @property {string | null} price a typed price; null for that of the catalog
 * @property {string | null} fixedGross the price on a label
 * @property {string | null} code the scanned code, if it says more than its product
 * @property {string} note
 * @property {CartDiscount[]} discounts
 * @property {{modifier: string, name: string, price: string, quantity: number}[]} modifiers
 *
 * @typedef {{id: string, name: string, email: string, group: string | null}} CartCustomer
 *
 * @typedef {object} Cart
 * @property {string} id of the order
 * @property {CartLine[]} lines
 * @property {CartDiscount[]} discounts
 * @property {string} email
 * @property {string} note
 * @property {CartCustomer | null} [customer] missing in carts of former versions
 */

import { choosePolicy, chooseRates } from "./shop.js";
import { nameProduct } from "../store/catalog.js";
import { compareAmounts, priceOrder, sumAmounts } from "./engine.js";

/** @returns {Cart} */
export function createCart() {
  return { id: crypto.randomUUID(), lines: [], discounts: [], email: "", note: "", customer: null };
}

/** Return the same cart for another order: ids are used once. @param {Cart} cart @returns {Cart} */
export function renewCart(cart) {
  const lines = cart.lines.map((line) => ({ ...line, id: crypto.randomUUID(), depositId: crypto.randomUUID() }));
  return { ...cart, id: crypto.randomUUID(), lines };
}

/**
 * Return the cart with one more of a product: in the line that it was just added to, or a new one.
 *
 * @param {Cart} cart
 * @param {any} product
 * @param {Partial<CartLine>} [facts]
 * @returns {Cart}
 */
export function addProduct(cart, product, facts = {}) {
  const last = cart.lines.at(-1);
  const isPlain = Object.keys(facts).length === 0 && product.sold_by === "unit";
  if (isPlain && last && last.product === product.id && canAddTo(last)) {
    return changeLine(cart, last.id, { quantity: sumAmounts([last.quantity, step(product)], 0) });
  }
  /** @type {CartLine} */
  const line = {
    id: crypto.randomUUID(),
    depositId: crypto.randomUUID(),
    product: product.id,
    name: product.name,
    quantity: step(product),
    price: null,
    fixedGross: null,
    code: null,
    note: "",
    discounts: [],
    modifiers: [],
    ...facts,
  };
  return { ...cart, lines: [...cart.lines, line] };
}

/** @param {CartLine} line */
function canAddTo(line) {
  return /^-?\d+$/.test(line.quantity) && !line.price && !line.code && !line.note && !line.discounts.length && !line.modifiers?.length;
}

/** Returned goods, such as empties, have a negative quantity. @param {any} product */
function step(product) {
  return product.returnable ? "-1" : "1";
}

/** @param {Cart} cart @param {string} id @param {Partial<CartLine>} facts @returns {Cart} */
export function changeLine(cart, id, facts) {
  return { ...cart, lines: cart.lines.map((line) => (line.id === id ? { ...line, ...facts } : line)) };
}

/** @param {Cart} cart @param {string} id @returns {Cart} */
export function removeLine(cart, id) {
  return { ...cart, lines: cart.lines.filter((line) => line.id !== id) };
}

/**
 * Return the lines as they are charged, deposits after their goods, and the amounts of the order.
 *
 * @param {Cart} cart
 * @param {import("../store/catalog.js").Catalog} catalog
 * @param {any} tenant
 */
export function priceCart(cart, catalog, tenant) {
  const group = cart.customer?.group ?? null;
  const charged = cart.lines.flatMap((line) => chargeLine(line, catalog, group));
  const priced = priceOrder(
    charged.map((line) => line.input),
    cart.discounts.map(({ type, value }) => ({ type, value })),
    choosePolicy(tenant),
  );
  const lines = charged.map((line, at) => ({ ...line, ...priced.lines[at] }));
  return { ...priced, lines };
}

/** @param {CartLine} line @param {import("../store/catalog.js").Catalog} catalog @param {string | null} group */
function chargeLine(line, catalog, group) {
  const product = catalog.products.get(line.product);
  const listPrice = product ? catalog.findPrice(product, line.fixedGross ? "0" : line.quantity, group) : "0";
  const price = line.price ?? listPrice;
  const goods = {
    id: line.id,
    product: line.product,
    name: product ? nameProduct(product) : line.name,
    quantity: line.quantity,
    unit_price: price,
    list_price: listPrice,
    modifiers: line.modifiers ?? [],
    fixed_gross: line.fixedGross,
    code: line.code,
    note: line.note,
    discounts: line.discounts,
    deposit_for: /** @type {string | null} */ (null),
    sold_by: product?.sold_by ?? "unit",
    weight_unit: product?.weight_unit ?? "kg",
    taxes: chooseRates(catalog, product),
  };
  const deposit = product?.deposit ? catalog.products.get(product.deposit) : null;
  if (!deposit) return [withInput(goods)];
  const charged = {
    ...goods,
    id: line.depositId,
    product: deposit.id,
    name: deposit.name,
    unit_price: catalog.findPrice(deposit, line.quantity, group),
    list_price: catalog.findPrice(deposit, line.quantity, group),
    modifiers: [],
    fixed_gross: null,
    code: null,
    note: "",
    discounts: [],
    deposit_for: line.id,
    taxes: chooseRates(catalog, deposit, product),
  };
  return [withInput(goods), withInput(charged)];
}

/** @template {{quantity: string, unit_price: string, taxes: any[], discounts: any[], modifiers: any[], fixed_gross: string | null, deposit_for: string | null}} T @param {T} line */
function withInput(line) {
  return {
    ...line,
    input: {
      quantity: line.quantity,
      unit_price: line.unit_price,
      taxes: line.taxes,
      discounts: line.discounts.map(({ type, value }) => ({ type, value })),
      fixed_gross: line.fixed_gross,
      is_deposit: line.deposit_for !== null,
      modifiers: line.modifiers.map(({ price, quantity }) => ({ price, quantity })),
    },
  };
}

/**
 * Build the record of a sale, which the device keeps.
 *
 * @param {Cart} cart
 * @param {ReturnType<typeof priceCart>} priced
 * @param {any[]} payments
 * @param {{id: string, display_name: string}} cashier
 */
export function buildSale(cart, priced, payments, cashier) {
  return {
    id: cart.id,
    sold_at: new Date().toISOString(),
    cashier: { id: cashier.id, name: cashier.display_name },
    cart,
    lines: priced.lines.map(({ input, ...line }) => line),
    discounts: cart.discounts,
    discount_amounts: priced.discounts,
    subtotal: priced.subtotal,
    discount_total: priced.discount_total,
    taxes: priced.taxes,
    total: priced.total,
    payments,
  };
}

/** Return the parts of a request that both kinds of upload have. @param {any} sale @param {any} customer */
function buildCommon(sale, customer) {
  const { note } = sale.cart;
  return {
    id: sale.id,
    device_sequence: sale.device_sequence,
    ...(sale.discounts.length ? { discounts: sale.discounts } : {}),
    ...(customer ? { customer } : {}),
    ...(note ? { note } : {}),
  };
}

/** @param {Cart} cart */
function nameCustomer({ customer, email }) {
  if (customer) return { id: customer.id };
  return email ? { email } : null;
}

/** An upload also has the name, in case that the customer was erased meanwhile. @param {Cart} cart */
function copyCustomer({ customer, email }) {
  if (!customer) return email ? { email } : null;
  const { id, name } = customer;
  return { id, name, ...(customer.email ? { email: customer.email } : {}) };
}

/** Build the body of `POST orders/`: the server charges deposits itself. @param {any} sale @param {string} [approval] */
export function buildOrder(sale, approval) {
  return {
    ...buildCommon(sale, nameCustomer(sale.cart)),
    lines: sale.lines.filter((line) => !line.deposit_for).map(buildOnlineLine),
    payments: sale.payments.map(buildOnlinePayment),
    ...(approval ? { approval } : {}),
  };
}

/** Cash that pays the rest names no amount: the server computes the rest itself. @param {any} payment */
function buildOnlinePayment({ change, amount, ...payment }) {
  return paysRest({ amount, ...payment }) ? payment : { ...payment, amount };
}

/** Return whether a payment is cash for all that is left. @param {any} payment */
export function paysRest({ method, amount, tendered }) {
  return method === "cash" && (tendered !== undefined || isPaidOut(amount));
}

/** @param {any} line */
function buildOnlineLine(line) {
  const shared = {
    id: line.id,
    ...(line.note ? { note: line.note } : {}),
    ...(line.discounts.length ? { discounts: line.discounts } : {}),
    ...(line.modifiers.length ? { modifiers: line.modifiers.map(nameModifier) } : {}),
  };
  if (line.fixed_gross) return { ...shared, barcode: line.code };
  const named = line.code ? { barcode: line.code } : { product: line.product };
  if (line.quantity.startsWith("-")) return { ...shared, ...named, quantity: line.quantity };
  // The price that the customer saw: if the catalog has another one by now, the server says so.
  return { ...shared, ...named, quantity: line.quantity, unit_price: line.unit_price };
}

/** A quantity is for lists that allow one. @param {any} chosen */
function nameModifier({ modifier, quantity }) {
  return quantity > 1 ? { modifier, quantity } : { modifier };
}

/** @param {any} chosen */
function chargeModifier({ name, price, ...chosen }) {
  return { ...nameModifier(chosen), name, price };
}

/** Build an item of `POST sync/orders/`: with deposits, and the prices and taxes charged. @param {any} sale */
export function buildOfflineSale(sale) {
  return {
    ...buildCommon(sale, copyCustomer(sale.cart)),
    sold_at: sale.sold_at,
    cashier: sale.cashier.id,
    total: sale.total,
    lines: sale.lines.map((line) => ({
      id: line.id,
      product: line.product,
      name: line.name,
      quantity: line.quantity,
      unit_price: line.unit_price,
      taxes: line.taxes.map(({ rate }) => rate),
      ...(line.deposit_for ? { deposit_for: line.deposit_for } : {}),
      ...(line.code ? { barcode: line.code } : {}),
      ...(line.note ? { note: line.note } : {}),
      ...(line.discounts.length ? { discounts: line.discounts } : {}),
      ...(line.modifiers.length ? { modifiers: line.modifiers.map(chargeModifier) } : {}),
    })),
    payments: sale.payments.map(({ change, ...payment }) => payment),
  };
}

/** Return whether something is to be paid out for returned goods. @param {string} total */
export function isPaidOut(total) {
  return compareAmounts(total, "0") < 0;
}
