/** The customer of a sale: searched on the server, and added. */

import { t } from "../texts/texts.js";
import { setCustomer } from "./cart.js";

/** @typedef {import("../app.js").App} App */

const MAX_FOUND = 20;

/** @param {App} app */
export function openCustomers(app) {
  app.update({ dialog: { kind: "customer", isNew: false }, customers: [], message: "" });
}

/** Search by the beginnings of words of the name, an e-mail address or a phone number. @param {App} app @param {string} text */
export async function searchCustomers(app, text) {
  const { results } = await app.api.get("customers/", { search: text, is_erased: "false", page_size: MAX_FOUND });
  app.update({ customers: results, message: results.length ? "" : t("noCustomer") });
}

/** Sell to a customer; only the whole row has the address. @param {App} app @param {string} id */
export async function chooseCustomer(app, id) {
  useCustomer(app, await app.api.get(`customers/${id}/`));
}

/** Add a customer, and sell to it. @param {App} app @param {{name: string, email: string, phone: string}} facts */
export async function addCustomer(app, facts) {
  useCustomer(app, await app.api.post("customers/", facts));
}

/** @param {App} app @param {any} row */
function useCustomer(app, { id, name, email, group }) {
  setCustomer(app, { id, name, email, group });
}
