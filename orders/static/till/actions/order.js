/** What a sale on the device keeps of its order. */

/** Return what a sale needs to know of its order. @param {any} order */
export function summarize(order) {
  const { number, receipt_number: receiptNumber, total, change_total: change, flags } = order;
  return { number, receipt_number: receiptNumber, total, change, flags };
}
