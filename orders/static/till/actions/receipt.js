/** A receipt that was made before: found, printed again, sent by e-mail, refunded. All of it needs the server. */

import { Refused } from "../api/client.js";
import { compareAmounts } from "../money/engine.js";
import { countLeft, isRefunded, planRefund } from "../money/refund.js";
import { t } from "../texts/texts.js";
import { repeatWithApproval } from "./approval.js";
import { countRefund } from "./drawer.js";
import { isMade } from "./order.js";
import { uploadUnsent } from "./sync.js";

/** @typedef {import("../app.js").App} App */

const DAYS = 31;
const MAX_FOUND = 50;
/** The id of an order, which is the QR code of its receipt. */
const RECEIPT_CODE = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Return whether a scanned code is that of a receipt. @param {string} code */
export function isReceiptCode(code) {
  return RECEIPT_CODE.test(code);
}

/** Show the search for receipts. @param {App} app */
export function openReceipts(app) {
  app.update({ phase: "receipts", found: null, message: "" });
}

/** Show the receipt of a QR code or of a number on it. @param {App} app @param {string} code */
export async function findReceipt(app, code) {
  await uploadUnsent(app);
  const isShort = /^\d+$/.test(code);
  /** @type {Record<string, string>} */
  const query = isShort ? { register: app.pairing.register.id } : {};
  try {
    showReceipt(app, await app.api.get(`receipts/${encodeURIComponent(code)}/`, query));
  } catch (error) {
    if (!(error instanceof Refused) || error.status !== 404) throw error;
    throw new Error(t(isShort ? "noReceiptHere" : "noReceipt", { code, name: app.pairing.register.name }));
  }
}

/** List the sales of an amount, newest first. @param {App} app @param {string} amount @param {string} day such as 2026-11-30, or empty for the last weeks */
export async function searchReceipts(app, amount, day) {
  await uploadUnsent(app);
  const [from, to] = day ? [new Date(`${day}T00:00`), new Date(`${day}T23:59:59.999`)] : [new Date(Date.now() - DAYS * 86_400_000), new Date()];
  const query = { total_min: amount, total_max: amount, created_after: from.toISOString(), created_before: to.toISOString() };
  const { results } = await app.api.get("orders/", { ...query, page_size: MAX_FOUND });
  const matches = results.filter(isMade);
  app.update({ matches, message: matches.length ? "" : t("noReceiptOfAmount") });
}

/** Show an order that was completed. @param {App} app @param {any} order */
export function showReceipt(app, order) {
  app.update({ phase: "receipt", found: order, refund: null, refunded: null, dialog: null, message: "" });
}

/** Load an order and show it. @param {App} app @param {string} id */
export async function loadReceipt(app, id) {
  showReceipt(app, await app.api.get(`orders/${id}/`));
}

/** Send the receipt of an order by e-mail. @param {App} app @param {string} id of the order @param {string} email */
export async function mailReceipt(app, id, email) {
  await app.api.post(`orders/${id}/receipt/email/`, { email });
  app.update({ dialog: null, message: t("mailed", { email }) });
}

/** @param {App} app */
export function beginRefund(app) {
  const refund = { id: crypto.randomUUID(), quantities: {}, waste: {}, amount: "", method: "", reference: "", reason: "" };
  app.update({ refund, message: "" });
}

/** @param {App} app @param {any} facts */
export function changeRefund(app, facts) {
  app.update({ refund: { ...app.refund, ...facts } });
}

/** Refund whatever is left of each line. @param {App} app */
export function refundEverything(app) {
  const lines = app.found.lines.filter((/** @type {any} */ line) => !isRefunded(line));
  changeRefund(app, { amount: "", quantities: Object.fromEntries(lines.map((/** @type {any} */ line) => [line.id, countLeft(line)])) });
}

/** Return what the form of the refund says. @param {App} app */
export function readRefund(app) {
  const { quantities, waste, amount } = app.refund;
  const lines = app.found.lines
    .map((/** @type {any} */ line) => ({ line: line.id, quantity: (quantities[line.id] || "0").replace(",", "."), restock: !waste[line.id] }))
    .filter((/** @type {any} */ each) => each.quantity !== "0");
  return { lines, amount: amount ? amount.replace(",", ".") : null };
}

/** Return the refund as it will be paid, or null if the form is incomplete or wrong. @param {App} app */
export function previewRefund(app) {
  const wanted = readRefund(app);
  if (!wanted.lines.length && wanted.amount === null) return null;
  try {
    const plan = planRefund(app.found, wanted, app.refund.method || null, app.settings.tenant);
    return compareAmounts(plan.total, "0") > 0 || wanted.lines.length ? plan : null;
  } catch (error) {
    if (error instanceof RangeError) return null;
    throw error;
  }
}

/** Send the refund, with an approval if it needs one. @param {App} app */
export async function sendRefund(app) {
  const { id, method, reference, reason } = app.refund;
  const { lines, amount } = readRefund(app);
  if (lines.length && amount !== null) throw new Error(t("linesOrAmount"));
  if (!lines.length && amount === null) throw new Error(t("nothingToRefund"));
  const body = {
    id,
    reason: reason.trim(),
    ...(lines.length ? { lines } : { amount }),
    ...(method ? { method } : {}),
    ...(reference.trim() ? { reference: reference.trim() } : {}),
  };
  const order = app.found.id;
  await repeatWithApproval(app, body, async (given) => {
    await uploadUnsent(app);
    await showRefunded(app, await app.api.post(`orders/${order}/refunds/`, given));
  });
}

/** Show a refund, and wait for the card that it goes back to. @param {App} app @param {any} refund */
async function showRefunded(app, refund) {
  await countRefund(app, refund);
  const found = await app.api.get(`orders/${refund.order}/`);
  app.update({ found, refund: null, refunded: refund, dialog: null, message: "" });
}

/** Ask again whether a card has been refunded. @param {App} app @param {any} refund */
export async function followRefund(app, refund) {
  const now = await app.api.send("GET", `refunds/${refund.id}/?wait=20`, undefined, { timeout: 30_000 });
  await countRefund(app, now);
  app.update({ refunded: { ...now, store_credit_codes: refund.store_credit_codes } });
}

/** Stop the reader that waits for the card of a refund. @param {App} app @param {any} refund */
export async function cancelRefund(app, refund) {
  const now = await app.api.post(`refunds/${refund.id}/cancel/`, {});
  await showRefunded(app, { ...now, store_credit_codes: refund.store_credit_codes });
  if (isAtReader(now)) app.say(t("cardProcessing"));
}

/** Return whether a reader waits for the card of a refund. @param {any} refund */
export function isAtReader(refund) {
  return refund.payouts.some((/** @type {any} */ each) => each.reader);
}

/** Pay out otherwise what the card has declined; only managers may. @param {App} app @param {any} refund @param {string} method */
export async function resolveRefund(app, refund, method) {
  const body = method ? { method } : {};
  await repeatWithApproval(app, body, async (given) => {
    const resolved = await app.api.post(`refunds/${refund.id}/resolve/`, given);
    await countRefund(app, resolved);
    app.update({ refunded: resolved, found: await app.api.get(`orders/${refund.order}/`), dialog: null });
  });
}
