/** The X report of a shift as text, for the screen and for paper. */

import { compareAmounts } from "../money/engine.js";
import { t } from "../texts/texts.js";
import { COLUMNS, center, formatLocal, getPaper, spread } from "./receipt.js";

/**
 * Return the report of an open shift. Cashiers, who count without seeing what is expected, get no amounts
 * by method.
 *
 * @param {any} report
 * @param {{shift: any, settings: any, register: any, at: Date}} place
 */
export function layOutXReport(report, { shift, settings, register, at }) {
  const width = COLUMNS[getPaper(settings.profile)];
  const rule = "-".repeat(width);
  const row = (/** @type {string} */ name, /** @type {string} */ text) => spread(t(name), text, width);
  const optional = (/** @type {string} */ name, /** @type {any} */ sum) => (sum?.count ? [row(name, sum.total)] : []);
  return [
    center(settings.profile?.legal_name ?? settings.tenant.name, width),
    center(t("xReport"), width),
    "",
    spread(register.name, formatLocal(at), width),
    row("openSince", formatLocal(new Date(shift.opened_at))),
    rule,
    row("salesCount", `${report.sales.count}`),
    row("total", report.sales.total),
    ...(compareAmounts(report.sales.discount_total, "0") ? [row("discounts", report.sales.discount_total)] : []),
    ...optional("lateSales", report.late_sales),
    ...optional("refunds", report.refunds),
    ...optional("failedRefunds", report.failed_refunds),
    rule,
    ...report.taxes.map((/** @type {any} */ tax) => spread(`${tax.name} ${tax.percent} % (${tax.taxable})`, tax.amount, width)),
    rule,
    ...(report.cash ? listAmounts(report, width, row) : [t("blindCount")]),
  ].join("\n");
}

/** @param {any} report @param {number} width @param {(name: string, text: string) => string} row */
function listAmounts({ payments, cash }, width, row) {
  const names = ["opening_float", "payments", "canceled", "refunds", "paid_in", "paid_out", "drops"];
  return [
    ...payments.flatMap((/** @type {any} */ each) => [
      spread(`${t(each.method)} (${each.count})`, each.amount, width),
      ...(compareAmounts(each.refunded, "0") ? [spread(`  ${t("refundedTotal")}`, `-${each.refunded}`, width)] : []),
    ]),
    "-".repeat(width),
    t("drawerTitle"),
    ...names.filter((name) => compareAmounts(cash[name], "0")).map((name) => row(`cash_${name}`, cash[name])),
    row("cash_no_sales", `${cash.no_sales}`),
    row("cash_expected", cash.expected),
  ];
}
