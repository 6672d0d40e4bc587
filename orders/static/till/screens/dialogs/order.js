/** Discount, note and e-mail address of the whole order. */

import { changeCart, clearCart } from "../../actions/cart.js";
import { t } from "../../texts/texts.js";
import { button, dialog, field, form } from "../parts.js";
import { h } from "../render.js";
import { discountFields, readDiscount } from "./discount.js";

/** @typedef {import("../../app.js").App} App */

/** Discount, note and mail address of the order. @param {App} app */
export function showOrder(app) {
  const change = (/** @type {any} */ values) =>
    app.run(async () => {
      const discount = readDiscount(app, values);
      const discounts = discount ? [discount] : [];
      changeCart(app, { ...app.cart, discounts, email: values.email.trim(), note: values.note.trim() }, app.selected);
      app.update({ dialog: null });
    });
  const initial = (/** @type {string} */ value) => (/** @type {HTMLInputElement} */ element) => {
    element.value = value;
  };
  return dialog(
    app,
    t("orderTitle"),
    form(
      change,
      {},
      discountFields(app.cart.discounts[0]),
      field(t("email"), { name: "email", type: "email", onmount: initial(app.cart.email) }),
      field(t("note"), { name: "note", maxlength: 500, onmount: initial(app.cart.note) }),
      h("button", { class: "primary" }, t("save")),
    ),
    button(t("clearCart"), () => clearCart(app), { class: "danger" }),
  );
}
