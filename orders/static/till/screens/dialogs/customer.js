/** The customer of the sale. */

import { setCustomer } from "../../actions/cart.js";
import { addCustomer, chooseCustomer, searchCustomers } from "../../actions/customer.js";
import { t } from "../../texts/texts.js";
import { button, dialog, field, form } from "../parts.js";
import { h } from "../render.js";

/** @typedef {import("../../app.js").App} App */

/** @param {App} app */
export function showCustomer(app) {
  const { customer } = app.cart;
  return dialog(
    app,
    t("customer"),
    customer
      ? h("p", null, customer.name, " ", button(t("remove"), () => setCustomer(app, null), { name: "remove-customer" }))
      : null,
    app.isOnline ? null : h("p", null, t("customersOffline")),
    app.dialog.isNew ? showNew(app) : showSearch(app),
  );
}

/** @param {App} app */
function showSearch(app) {
  const isDisabled = app.isBusy || !app.isOnline;
  return h(
    "div",
    { key: "search" },
    form(
      (/** @type {any} */ { text }) => app.run(() => searchCustomers(app, text.trim())),
      { class: "row" },
      field(t("searchCustomer"), { name: "text", required: true, minlength: 3, maxlength: 100, "data-focus": true }),
      h("button", { class: "primary", disabled: isDisabled }, t("find")),
    ),
    h("ul", { class: "sales" }, app.customers.map((row) => showRow(app, row))),
    button(t("newCustomer"), () => app.update({ dialog: { ...app.dialog, isNew: true }, message: "" }), { name: "new", disabled: isDisabled }),
  );
}

/** @param {App} app @param {any} row */
function showRow(app, row) {
  const group = app.settings.groups?.find((/** @type {any} */ each) => each.id === row.group);
  const facts = [row.email, row.phone, group?.name].filter(Boolean).join(" · ");
  return h(
    "li",
    { key: row.id },
    h("span", { class: "grow" }, row.name),
    h("span", { class: "hint" }, facts),
    button(t("choose"), () => app.run(() => chooseCustomer(app, row.id)), { name: "choose", disabled: app.isBusy || !app.isOnline }),
  );
}

/** @param {App} app */
function showNew(app) {
  const add = (/** @type {any} */ { name, email, phone }) =>
    app.run(() => addCustomer(app, { name: name.trim(), email: email.trim(), phone: phone.trim() }));
  return form(
    add,
    { key: "new" },
    field(t("customerName"), { name: "name", required: true, maxlength: 100, onmount: (/** @type {HTMLElement} */ element) => element.focus() }),
    field(t("email"), { name: "email", type: "email" }),
    field(t("phone"), { name: "phone", type: "tel", maxlength: 30 }),
    h("button", { class: "primary", disabled: app.isBusy || !app.isOnline }, t("add")),
  );
}
