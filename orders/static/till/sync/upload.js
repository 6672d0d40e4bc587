/** Uploads sales that were made without a connection, or whose answer was lost. */

import { isOrder } from "../api/shapes.js";

const MAX_SALES = 100;
/** What the server takes in one request. */
const MAX_LINES = 2_000;

/**
 * Return the result of each sale, in their order. Sales that the server has are `duplicate`.
 *
 * @param {import("../api/client.js").Api} api
 * @param {any[]} sales
 */
export async function uploadSales(api, sales) {
  const results = [];
  for (const batch of divide(sales)) {
    const last = Math.max(...batch.map((sale) => sale.device_sequence));
    results.push(...(await uploadBatch(api, batch, last)));
  }
  return results;
}

/** Return batches of neighbouring sales that the server takes. @param {any[]} sales */
function divide(sales) {
  /** @type {any[][]} */
  const batches = [];
  let lines = 0;
  for (const sale of sales) {
    const batch = batches.at(-1);
    lines += sale.lines.length;
    if (batch && batch.length < MAX_SALES && lines <= MAX_LINES) batch.push(sale);
    else {
      batches.push([sale]);
      lines = sale.lines.length;
    }
  }
  return batches;
}

/** @param {import("../api/client.js").Api} api @param {any[]} batch @param {number} last */
async function uploadBatch(api, batch, last) {
  const results = await postBatch(api, batch, last);
  const isComplete = results.length === batch.length && batch.every((sale, at) => isResult(results[at], sale));
  // What is not known stays unsent.
  return isComplete ? results : api.rejectAnswer();
}

/** @param {import("../api/client.js").Api} api @param {any[]} batch @param {number} last @returns {Promise<any[]>} */
async function postBatch(api, batch, last) {
  try {
    return (await api.post("sync/orders/", { batch, last_sequence: last })).results;
  } catch (error) {
    // Without the last number each sale is judged by its own, and flagged.
    if (/** @type {any} */ (error).code !== "sequence_jump") throw error;
    return (await api.post("sync/orders/", { batch })).results;
  }
}

/** Return whether this is the result of a sale. @param {any} result @param {any} sale */
function isResult(result, sale) {
  if (result?.status === "rejected") return typeof result.code === "string";
  const isBooked = ["created", "duplicate"].includes(result?.status);
  return isBooked && isOrder(result.order, sale.id) && result.order.receipt_number !== null;
}
