/** Quantity, price, note and discount of a line. */

import { changeSelected } from "../../actions/cart.js";
import { compareAmounts } from "../../money/engine.js";
import { t } from "../../texts/texts.js";
import { button, dialog, field, form } from "../parts.js";
import { h } from "../render.js";
import { discountFields, readDiscount } from "./discount.js";
import { requireNumber } from "./number.js";

/** @typedef {import("../../app.js").App} App */

/** Quantity, price, note and discount of the selected line. @param {App} app */
export function showLine(app) {
  const line = app.cart.lines.find(({ id }) => id === app.selected);
  if (!line) return null;
  const product = app.catalog.products.get(line.product);
  const isWeighed = product?.sold_by === "weight";
  const sign = line.quantity.startsWith("-") ? "-" : "";
  const change = (/** @type {any} */ values) =>
    app.run(async () => {
      const discount = sign ? null : readDiscount(app, values);
      /** @type {any} */
      const facts = { note: values.note.trim(), discounts: discount ? [discount] : [] };
      if (values.quantity !== undefined) {
        const quantity = requireNumber(values.quantity, isWeighed ? 3 : 0);
        if (compareAmounts(quantity, "0") <= 0) throw new Error(t("badAmount"));
        facts.quantity = sign + quantity;
        if (line.code && facts.quantity !== line.quantity) facts.code = null;
      }
      if (values.price !== undefined) facts.price = readPrice(app, values.price, product, line);
      changeSelected(app, facts);
      app.update({ dialog: null });
    });
  const initial = (/** @type {string} */ value) => (/** @type {HTMLInputElement} */ element) => {
    element.value = value;
  };
  return dialog(
    app,
    line.name,
    form(
      change,
      { key: line.id },
      line.fixedGross
        ? h("p", { class: "hint" }, t("fixedByLabel"))
        : [
            field(isWeighed ? t("weight", { unit: product.weight_unit }) : t("quantity"), {
              name: "quantity",
              inputmode: "decimal",
              required: true,
              "data-focus": true,
              onmount: initial(line.quantity.replace("-", "")),
            }),
            sign ? null : field(t("price"), { name: "price", inputmode: "decimal", onmount: initial(line.price ?? (product ? app.catalog.findPrice(product, line.quantity, app.cart.customer?.group) : "")) }),
          ],
      field(t("note"), { name: "note", maxlength: 200, onmount: initial(line.note) }),
      sign ? null : discountFields(line.discounts[0]),
      h("button", { class: "primary" }, t("save")),
    ),
    product && !line.fixedGross && app.catalog.listModifiers(product).length
      ? button(t("modifiers"), () => app.update({ dialog: { kind: "modifiers", product, line } }))
      : null,
  );
}

/** A price is typed only if it is not that of the catalog. @param {App} app @param {string} text @param {any} product @param {any} line */
function readPrice(app, text, product, line) {
  if (!text.trim()) return null;
  const price = requireNumber(text, app.exponent, true);
  const listed = product ? app.catalog.findPrice(product, line.quantity, app.cart.customer?.group) : "0";
  const isListed = !product?.open_price && compareAmounts(price, listed) === 0;
  return isListed ? null : price;
}
