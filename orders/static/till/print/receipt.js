/**
 * Receipts printed by the browser: the text of the server, or one plain layout without a connection.
 */

import { compareAmounts, sumAmounts } from "../money/engine.js";
import { t } from "../texts/texts.js";

export const COLUMNS = { 80: 42, 58: 32 };

/** Print plain text, as wide as the paper. @param {string} text @param {number} paperMm */
export function printText(text, paperMm) {
  const page = document.getElementById("print");
  if (!page) throw new Error("The page has no element to print.");
  page.className = `paper-${paperMm}`;
  page.textContent = text;
  window.print();
}

/** @param {string} left @param {string} right @param {number} width */
export function spread(left, right, width) {
  const room = width - right.length - 1;
  const cut = left.length > room ? left.slice(0, room) : left;
  return cut.padEnd(width - right.length) + right;
}

/** @param {string} text @param {number} width */
export function center(text, width) {
  const cut = text.slice(0, width);
  return " ".repeat(Math.max(0, Math.floor((width - cut.length) / 2))) + cut;
}

/**
 * Return the receipt of a sale that the server has not numbered yet.
 *
 * @param {any} sale
 * @param {{tenant: any, store: any, profile: any}} settings
 * @param {any} register
 */
export function layOut(sale, settings, register) {
  const { tenant, store, profile } = settings;
  const width = COLUMNS[getPaper(profile)];
  const rule = "-".repeat(width);
  const named = profile?.legal_name ?? tenant.name;
  const address = (profile?.address || store.address || "").split("\n");
  const numbers = (profile?.tax_numbers ?? []).map(({ label, number }) => `${label ?? ""} ${number}`);
  const at = new Date(sale.sold_at);
  return [
    ...[named, ...address, ...numbers, ...(profile?.header ?? [])].map((text) => center(text, width)),
    "",
    spread(`${t("receiptTill")} ${register.number}-T${sale.device_sequence}`, formatLocal(at), width),
    `${t("receiptRegister")} ${register.name}`,
    `${t("receiptServed")} ${sale.cashier.name}`,
    rule,
    ...sale.lines.flatMap((line) => layOutLine(line, width)),
    rule,
    ...(compareAmounts(sale.discount_total, "0") ? [spread(t("discounts"), `-${sale.discount_total}`, width)] : []),
    spread(`${t("total")} ${tenant.currency}`, sale.total, width),
    ...sale.payments.flatMap((payment) => layOutPayment(payment, width)),
    rule,
    ...sale.taxes.map(({ rate, taxable, amount }) =>
      spread(`${rate.name} ${rate.percent} % (${taxable})`, amount, width),
    ),
    "",
    ...(profile?.return_policy ? [profile.return_policy, ""] : []),
    ...(profile?.footer ?? []).map((text) => center(text, width)),
    center(sale.id, width),
  ].join("\n");
}

/** @param {any} profile @returns {80 | 58} */
export function getPaper(profile) {
  return profile?.paper_mm === 58 ? 58 : 80;
}

/** @param {Date} at */
export function formatLocal(at) {
  const two = (/** @type {number} */ value) => `${value}`.padStart(2, "0");
  const date = [at.getFullYear(), two(at.getMonth() + 1), two(at.getDate())].join("-");
  return `${date} ${two(at.getHours())}:${two(at.getMinutes())}`;
}

/** @param {any} line @param {number} width */
function layOutLine(line, width) {
  const unit = line.sold_by === "weight" ? ` ${line.weight_unit}` : "";
  const rows = [spread(line.name, line.gross, width), `  ${line.quantity}${unit} x ${line.unit_price}`];
  for (const { name, price, quantity } of line.modifiers ?? []) {
    rows.push(`  + ${quantity > 1 ? `${quantity} x ` : ""}${name} ${price}`);
  }
  const decimals = line.gross.split(".")[1]?.length ?? 0;
  const off = sumAmounts(line.line_discounts, decimals);
  if (compareAmounts(off, "0")) rows.push(spread(`  ${t("discount")}`, `-${off}`, width));
  return rows;
}

/** @param {any} payment @param {number} width */
function layOutPayment(payment, width) {
  const rows = [spread(t(payment.method), payment.tendered ?? payment.amount, width)];
  if (payment.change && compareAmounts(payment.change, "0")) {
    rows.push(spread(t("change"), payment.change, width));
  }
  return rows;
}
