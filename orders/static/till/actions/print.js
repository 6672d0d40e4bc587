/** Printing: by the browser, or by a receipt printer at this device. */

import { encodeText } from "../print/escpos.js";
import { choosePrinter, sendToPrinter } from "../print/printer.js";
import { getPaper, layOut, printText } from "../print/receipt.js";

/** @typedef {import("../app.js").App} App */

/** Print a document of the server, which counts the prints of receipts. @param {App} app @param {string} path @param {Record<string, string>} [query] */
export async function printDocument(app, path, query = {}) {
  if (app.printer) {
    return sendToPrinter(app.printer, await app.api.getBytes(path, { ...query, format: "escpos" }));
  }
  await printLines(app, await app.api.getText(path, { ...query, format: "text" }));
}

/** Print text of this device. @param {App} app @param {string} text @param {{opensDrawer?: boolean}} [options] */
export async function printLines(app, text, options) {
  if (app.printer) return sendToPrinter(app.printer, encodeText(text, options));
  printText(text, getPaper(app.settings.profile));
}

/** Print the receipt of a sale: without a connection in the layout of the device. @param {App} app @param {any} sale */
export async function printSale(app, sale) {
  if (sale.state === "sent" && app.isOnline) return printDocument(app, `orders/${sale.id}/receipt/`);
  const isCash = sale.payments.some((/** @type {any} */ each) => each.method === "cash");
  const opensDrawer = isCash && app.phase === "done" && Boolean(app.settings.profile?.drawer_pulse);
  await printLines(app, layOut(sale, app.settings, app.pairing.register), { opensDrawer });
}

/** Use a receipt printer from now on, or the browser again. @param {App} app @param {import("../print/printer.js").Connection | null} kind */
export async function usePrinter(app, kind) {
  if (kind) await choosePrinter(kind);
  await app.store.set({ printer: kind });
  app.update({ printer: kind });
}
