/** Uploads sales that were made without a connection, or whose answer was lost. */

const MAX_SALES = 100;

/**
 * Return the result of each sale, in their order. Sales that the server has are `duplicate`.
 *
 * @param {import("../api/client.js").Api} api
 * @param {any[]} sales
 */
export async function uploadSales(api, sales) {
  const results = [];
  for (let at = 0; at < sales.length; at += MAX_SALES) {
    const batch = sales.slice(at, at + MAX_SALES);
    const last = Math.max(...batch.map((sale) => sale.device_sequence));
    results.push(...(await uploadBatch(api, batch, last)));
  }
  return results;
}

/** @param {import("../api/client.js").Api} api @param {any[]} batch @param {number} last */
async function uploadBatch(api, batch, last) {
  try {
    return (await api.post("sync/orders/", { batch, last_sequence: last })).results;
  } catch (error) {
    // Without the last number each sale is judged by its own, and flagged.
    if (/** @type {any} */ (error).code !== "sequence_jump") throw error;
    return (await api.post("sync/orders/", { batch })).results;
  }
}
