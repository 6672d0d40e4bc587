/** Whether a cart is within the discount limits of the person who sells. */

import { findOverLimit, sumAmounts } from "./engine.js";

/**
 * Return the approval that the discounts and typed prices of a cart need, or null.
 *
 * @param {import("./cart.js").Cart} cart
 * @param {any} priced
 * @param {import("../store/catalog.js").Catalog} catalog
 * @param {any} tenant
 * @param {string} role
 */
export function findCartOverLimit(cart, priced, catalog, tenant, role) {
  const isReduced = cart.discounts.length || cart.lines.some(({ price, discounts }) => price || discounts.length);
  const named = tenant.limits?.[role];
  if (!isReduced || !named) return null;
  const limits = {
    line_discount: named.line_discount_percent,
    order_discount: named.order_discount_percent,
    price_override: named.price_override_percent,
  };
  const exponent = tenant.currency_exponent;
  const lines = priced.lines
    .filter((/** @type {any} */ line) => !line.quantity.startsWith("-"))
    .map((/** @type {any} */ line) => measureLine(line, catalog, exponent));
  return findOverLimit(lines, cart.discounts, limits, exponent);
}

/** @param {any} line @param {import("../store/catalog.js").Catalog} catalog @param {number} exponent */
function measureLine(line, catalog, exponent) {
  const { discounts, fixed_gross: fixedGross } = line;
  // The price on a label is the list price of one.
  if (fixedGross) return { quantity: "1", unit_price: fixedGross, applicable_price: fixedGross, discounts, is_deposit: false };
  const modifiers = line.modifiers.flatMap(({ price, quantity }) => Array(quantity).fill(price));
  const withModifiers = (/** @type {string} */ price) => sumAmounts([price, ...modifiers], exponent);
  const isOpen = catalog.products.get(line.product)?.open_price;
  return {
    quantity: line.quantity,
    unit_price: withModifiers(line.unit_price),
    applicable_price: withModifiers(isOpen ? line.unit_price : line.list_price),
    discounts,
    is_deposit: line.deposit_for !== null,
  };
}
