/** Printing documents of the server, which counts the prints of receipts. */

import { getPaper, printText } from "../print/receipt.js";

/** @typedef {import("../app.js").App} App */

/** Print a document as text. @param {App} app @param {string} path @param {Record<string, string>} [query] */
export async function printDocument(app, path, query = {}) {
  const text = await app.api.get(path, { ...query, format: "text" });
  printText(text, getPaper(app.settings.profile));
}
