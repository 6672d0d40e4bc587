/**
 * What a refund of an order pays back, as the server computes it: a cashier has to know it before a
 * card is refunded at a stand-alone reader.
 *
 * @typedef {{line: string, quantity: string, restock: boolean}} WantedLine
 * @typedef {{payment: any, method: string, entry: string | null, amount: string, paid: string}} Payout
 */

import { chooseCashRule } from "./shop.js";
import { allocateRefund, compareAmounts, refundQuantity, subtract, sumAmounts } from "./engine.js";

const QUANTITY_DECIMALS = 3;

/** Return whether nothing of a line can be refunded by quantity. @param {any} line */
export function isRefunded(line) {
  return compareAmounts(line.quantity, "0") <= 0 || compareAmounts(countLeft(line), "0") <= 0;
}

/** Return how much of a line was not refunded. @param {any} line */
export function countLeft(line) {
  return subtract(line.quantity, line.refunded_quantity, QUANTITY_DECIMALS).replace(/\.?0+$/, "");
}

/**
 * Return the total of a refund and its payouts, the last payment first.
 *
 * @param {any} order
 * @param {{lines: WantedLine[], amount: string | null}} wanted
 * @param {string | null} method null pays back as the order was paid
 * @param {any} tenant
 * @returns {{total: string, payouts: Payout[]}}
 */
export function planRefund(order, { lines, amount }, method, tenant) {
  const exponent = tenant.currency_exponent;
  const total = amount ?? sumAmounts(addDeposits(order, lines).map((each) => refundLine(order, each, exponent)), exponent);
  const sources = listSources(order, exponent);
  const methods = sources.map((source) => method ?? source.method);
  const sold = order.lines.filter(isSold);
  const left = sumAmounts(sold.map((/** @type {any} */ line) => subtract(line.total, line.refunded_total, exponent)), exponent);
  const shares = allocateRefund(
    total,
    sources,
    methods.map((each) => each === "cash"),
    chooseCashRule(tenant),
    compareAmounts(total, left) === 0,
  );
  const payouts = shares.map(({ position, amount: share, paid }) => {
    const { payment } = sources[position];
    const entry = methods[position] === "card" ? (payment?.entry ?? null) : null;
    return { payment, method: methods[position], entry, amount: share, paid };
  });
  return { total, payouts };
}

/** @param {any} line */
function isSold(line) {
  return compareAmounts(line.quantity, "0") > 0;
}

/** @param {any} order @param {WantedLine} wanted @param {number} exponent */
function refundLine(order, { line: id, quantity }, exponent) {
  const line = order.lines.find((/** @type {any} */ each) => each.id === id);
  return refundQuantity(line, quantity, exponent);
}

/** The deposits of refunded lines are refunded with them, unless they are named themselves. @param {any} order @param {WantedLine[]} lines */
function addDeposits(order, lines) {
  const byId = new Map(lines.map((each) => [each.line, each]));
  const deposits = [];
  for (const line of order.lines) {
    const goods = byId.get(line.deposit_for);
    if (!goods || byId.has(line.id)) continue;
    const left = countLeft(line);
    const quantity = compareAmounts(goods.quantity, left) < 0 ? goods.quantity : left;
    if (compareAmounts(quantity, "0") > 0) deposits.push({ ...goods, line: line.id, quantity });
  }
  return [...lines, ...deposits];
}

/** Return where the money of a refund comes from; returned goods, which paid a part, are refunded last. @param {any} order @param {number} exponent */
function listSources(order, exponent) {
  const payouts = order.refunds
    .filter(({ status }) => status !== "failed")
    .flatMap((/** @type {any} */ refund) => refund.payouts);
  const sumPaid = (/** @type {string | null} */ payment) =>
    sumAmounts(payouts.filter((/** @type {any} */ each) => each.payment === payment).map((/** @type {any} */ each) => each.paid), exponent);
  const captured = order.payments.filter((/** @type {any} */ each) => each.status === "captured");
  const received = captured.filter((/** @type {any} */ each) => compareAmounts(each.amount, "0") >= 0);
  const paidOut = captured.filter((/** @type {any} */ each) => compareAmounts(each.amount, "0") < 0);
  const sources = received.map((/** @type {any} */ payment) => ({
    payment,
    method: payment.method,
    amount: payment.amount,
    refunded: sumPaid(payment.id),
  }));
  const returned = sumAmounts([order.deposit_return_total, ...paidOut.map((/** @type {any} */ each) => each.amount)], exponent);
  const left = subtract(returned, sumPaid(null), exponent);
  if (compareAmounts(left, "0") > 0) sources.unshift({ payment: null, method: "cash", amount: left, refunded: subtract("0", "0", exponent) });
  return sources;
}
