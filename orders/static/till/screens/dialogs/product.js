/** What a product needs before it is in the cart: a weight, a price, choices. */

import { addToCart, changeSelected } from "../../actions/cart.js";
import { compareAmounts } from "../../money/engine.js";
import { t } from "../../texts/texts.js";
import { dialog, field, form, money } from "../parts.js";
import { h } from "../render.js";
import { requireNumber } from "./number.js";

/** @typedef {import("../../app.js").App} App */

/** @param {App} app */
export function showWeight(app) {
  const { product, facts } = app.dialog;
  const add = (/** @type {any} */ { weight }) =>
    app.run(async () => {
      const quantity = requireNumber(weight, 3);
      if (compareAmounts(quantity, "0") <= 0) throw new Error(t("badAmount"));
      addToCart(app, product, { ...facts, quantity });
    });
  return dialog(
    app,
    product.name,
    form(
      add,
      {},
      field(t("weight", { unit: product.weight_unit }), { name: "weight", inputmode: "decimal", required: true, "data-focus": true }),
      h("button", { class: "primary" }, t("add")),
    ),
  );
}

/** @param {App} app */
export function showPrice(app) {
  const { product, facts } = app.dialog;
  const add = (/** @type {any} */ { price }) =>
    app.run(async () => addToCart(app, product, { ...facts, price: requireNumber(price, app.exponent, true) }));
  return dialog(
    app,
    product.name,
    form(
      add,
      {},
      field(t("price"), { name: "price", inputmode: "decimal", required: true, "data-focus": true }),
      h("button", { class: "primary" }, t("add")),
    ),
  );
}

/** What can be chosen with a product, such as its size. @param {App} app */
export function showModifiers(app) {
  const { product, facts, isScanned, line } = app.dialog;
  const lists = app.catalog.listModifiers(product);
  const choose = (/** @type {any} */ values) =>
    app.run(async () => {
      const modifiers = lists.flatMap((/** @type {any} */ list) => readModifiers(list, values));
      if (line) {
        changeSelected(app, { modifiers });
        app.update({ dialog: null });
      } else {
        app.update({ dialog: null });
        addToCart(app, product, { ...facts, modifiers }, isScanned);
      }
    });
  const chosen = new Map((line?.modifiers ?? []).map((/** @type {any} */ each) => [each.modifier, each.quantity]));
  return dialog(
    app,
    product.name,
    form(
      choose,
      {},
      lists.map((/** @type {any} */ list) => showModifierList(app, list, chosen)),
      h("button", { class: "primary" }, t(line ? "save" : "add")),
    ),
  );
}

/** @param {App} app @param {any} list @param {Map<string, number>} chosen */
function showModifierList(app, list, chosen) {
  const isOne = list.min === 1 && list.max === 1 && !list.allow_quantity;
  const label = (/** @type {any} */ each) =>
    h("span", null, each.name, compareAmounts(each.price, "0") ? ` + ${money(app, each.price)}` : "");
  const input = (/** @type {any} */ each) => {
    if (list.allow_quantity) {
      const initial = (/** @type {HTMLInputElement} */ element) => {
        element.value = `${chosen.get(each.id) ?? ""}`;
      };
      return h("input", { name: each.id, inputmode: "numeric", pattern: "[0-9]*", placeholder: "0", onmount: initial });
    }
    const initial = (/** @type {HTMLInputElement} */ element) => {
      element.checked = chosen.has(each.id);
    };
    return h("input", { type: isOne ? "radio" : "checkbox", name: isOne ? list.id : each.id, value: isOne ? each.id : "1", required: isOne, onmount: initial });
  };
  const range = t(list.max === null ? "chooseAtLeast" : "chooseBetween", { min: list.min, max: list.max ?? "" });
  return h(
    "fieldset",
    { key: list.id },
    h("legend", null, isOne ? list.name : `${list.name} (${range})`),
    list.modifiers.map((/** @type {any} */ each) => h("label", { class: "choice", key: each.id }, input(each), label(each))),
  );
}

/** Return what was chosen of a list, or say how much must be. @param {any} list @param {Record<string, string>} values */
function readModifiers(list, values) {
  const chosen = list.modifiers
    .map(({ id, name, price }) => ({ modifier: id, name, price, quantity: values[list.id] === id ? 1 : Number(values[id] || 0) }))
    .filter((/** @type {any} */ each) => each.quantity > 0);
  const count = chosen.reduce((/** @type {number} */ sum, /** @type {any} */ each) => sum + each.quantity, 0);
  if (count < list.min || (list.max !== null && count > list.max)) {
    const range = t(list.max === null ? "chooseAtLeast" : "chooseBetween", { min: list.min, max: list.max ?? "" });
    throw new Error(`${list.name}: ${range}`);
  }
  return chosen;
}
