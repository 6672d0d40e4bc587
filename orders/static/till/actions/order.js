/** Orders of the server, and what a sale on the device keeps of them. */

import { isOrder } from "../api/shapes.js";

/** Return what a sale needs to know of its order. @param {any} order */
export function summarize(order) {
  const { number, receipt_number: receiptNumber, total, change_total: change, flags } = order;
  return { number, receipt_number: receiptNumber, total, change, flags };
}

/** Return an answer if it is the order with this id; anything else is no answer. @param {import("../api/client.js").Api} api @param {any} answer @param {string} id */
export function requireOrder(api, answer, id) {
  return isOrder(answer, id) ? answer : api.rejectAnswer();
}

/** Return whether an order was completed, whatever has been refunded since. @param {any} order */
export function isMade(order) {
  return order.receipt_number !== null;
}

/** Return the payment of an order whose outcome is not known. @param {any} order */
export function findPending(order) {
  return order?.payments.find((/** @type {any} */ { status }) => status === "pending" || status === "unknown");
}

/** A store credit can be spent by anybody who knows its code: return its last characters only. @param {any} payment */
export function hideCode({ method, reference = "" }) {
  return method === "store_credit" && reference ? `****${reference.slice(-4)}` : reference;
}

/** Return what the device keeps of a sale that the server has: neither codes of store credits nor who the customer is. @param {any} sale */
export function reduceSent(sale) {
  const { open_order: order, unanswered, approval, ...kept } = sale;
  const hide = (/** @type {any} */ each) => (each.reference ? { ...each, reference: hideCode(each) } : each);
  const { customer } = sale.cart;
  const cart = { ...sale.cart, email: "", customer: customer ? { ...customer, name: "", email: "" } : null };
  return { ...kept, cart, payments: sale.payments.map(hide) };
}
