/** Dialogs of the selling screen. */

import { formatDateTime, readNumber } from "./format.js";
import { h } from "./render.js";
import { button, dialog, field, form, keypad, money } from "./parts.js";
import { compareAmounts } from "../money/engine.js";
import { locale, t } from "../texts/texts.js";

/** @typedef {import("../app.js").App} App */

/** @type {Record<string, (app: App) => any>} */
const DIALOGS = {
  weight: showWeight,
  price: showPrice,
  modifiers: showModifiers,
  line: showLine,
  order: showOrder,
  held: showHeld,
  approval: showApproval,
  drawer: showDrawer,
};

/** @param {App} app */
export function showDialog(app) {
  return DIALOGS[app.dialog.kind](app);
}

/** Return a typed number, or say that it is none. @param {string} text @param {number} decimals @param {boolean} [isPadded] */
function requireNumber(text, decimals, isPadded) {
  const number = readNumber(text, decimals, isPadded);
  if (number === null) throw new Error(t("badAmount"));
  return number;
}

/** @param {App} app */
function showWeight(app) {
  const { product, facts } = app.dialog;
  const add = (/** @type {any} */ { weight }) =>
    app.run(async () => {
      const quantity = requireNumber(weight, 3);
      if (compareAmounts(quantity, "0") <= 0) throw new Error(t("badAmount"));
      app.add(product, { ...facts, quantity });
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

/** What can be chosen with a product, such as its size. @param {App} app */
function showModifiers(app) {
  const { product, facts, isScanned, line } = app.dialog;
  const lists = app.catalog.listModifiers(product);
  const choose = (/** @type {any} */ values) =>
    app.run(async () => {
      const modifiers = lists.flatMap((/** @type {any} */ list) => readModifiers(list, values));
      if (line) {
        app.changeSelected({ modifiers });
        app.update({ dialog: null });
      } else {
        app.update({ dialog: null });
        app.add(product, { ...facts, modifiers }, isScanned);
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

/** @param {App} app */
function showPrice(app) {
  const { product, facts } = app.dialog;
  const add = (/** @type {any} */ { price }) =>
    app.run(async () => app.add(product, { ...facts, price: requireNumber(price, app.exponent, true) }));
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

/** Return the discount of a form, or null if its value is empty. @param {App} app @param {any} values */
function readDiscount(app, { type, value, reason }) {
  if (!value.trim()) return null;
  const number = type === "percent" ? requireNumber(value, 4) : requireNumber(value, app.exponent, true);
  if (type === "percent" && compareAmounts(number, "100") > 0) throw new Error(t("badPercent"));
  return { type, value: number, ...(reason.trim() ? { reason: reason.trim() } : {}) };
}

/** @param {any} [discount] */
function discountFields(discount) {
  const option = (/** @type {string} */ type, /** @type {string} */ label) =>
    h("option", { value: type, selected: discount?.type === type }, label);
  return h(
    "fieldset",
    null,
    h("legend", null, t("discount")),
    h("label", { class: "field" }, h("span", null, t("kind")), h("select", { name: "type" }, option("percent", t("percent")), option("amount", t("amount")))),
    field(t("value"), { name: "value", inputmode: "decimal", onmount: (/** @type {any} */ element) => (element.value = discount?.value ?? "") }),
    field(t("reason"), { name: "reason", maxlength: 100, onmount: (/** @type {any} */ element) => (element.value = discount?.reason ?? "") }),
  );
}

/** Quantity, price, note and discount of the selected line. @param {App} app */
function showLine(app) {
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
      app.changeSelected(facts);
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
            sign ? null : field(t("price"), { name: "price", inputmode: "decimal", onmount: initial(line.price ?? (product ? app.catalog.findPrice(product, line.quantity) : "")) }),
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
  const listed = product ? app.catalog.findPrice(product, line.quantity) : "0";
  const isListed = !product?.open_price && compareAmounts(price, listed) === 0;
  return isListed ? null : price;
}

/** Discount, note and mail address of the order. @param {App} app */
function showOrder(app) {
  const change = (/** @type {any} */ values) =>
    app.run(async () => {
      const discount = readDiscount(app, values);
      const discounts = discount ? [discount] : [];
      app.changeCart({ ...app.cart, discounts, email: values.email.trim(), note: values.note.trim() }, app.selected);
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
    button(t("clearCart"), () => app.clearCart(), { class: "danger" }),
  );
}

/** @param {App} app */
function showHeld(app) {
  return dialog(
    app,
    t("heldTitle"),
    h(
      "div",
      { class: "choices" },
      app.held.map(({ cart, at, total }, position) =>
        button(
          `${formatDateTime(at, locale)} · ${t("lineCount", { count: cart.lines.length })} · ${money(app, total)}`,
          () => app.run(() => app.takeUp(position)),
          { name: cart.id },
        ),
      ),
    ),
  );
}

/** Cash into the drawer or out of it, and opening it without a sale. @param {App} app */
function showDrawer(app) {
  const move = (/** @type {any} */ { type, amount, reason }) =>
    app.run(async () => {
      const isNothing = type === "no_sale";
      const moved = isNothing ? {} : { amount: requireNumber(amount, app.exponent, true) };
      await app.moveCash({ id: app.dialog.id, type, reason: reason.trim(), ...moved });
    });
  const types = ["paid_in", "paid_out", "drop", "no_sale"];
  return dialog(
    app,
    t("drawer"),
    form(
      move,
      {},
      h(
        "label",
        { class: "field" },
        h("span", null, t("kind")),
        h("select", { name: "type", "data-focus": true }, types.map((type) => h("option", { value: type, key: type }, t(type)))),
      ),
      field(t("amount"), { name: "amount", inputmode: "decimal" }),
      field(t("reason"), { name: "reason", required: true, maxlength: 200 }),
      h("button", { class: "primary", disabled: app.isBusy }, t("save")),
    ),
  );
}

/** A manager approves in place, by PIN. @param {App} app */
function showApproval(app) {
  const { problem, repeat, chosen, pin = "" } = app.dialog;
  const people = (app.settings.people ?? []).filter((/** @type {any} */ each) => each.id !== app.person.id);
  const change = (/** @type {any} */ facts) => app.update({ dialog: { ...app.dialog, ...facts } });
  const approve = () => app.run(() => app.approve(problem, repeat, chosen, pin));
  const press = (/** @type {string} */ key) => change({ pin: key === "back" ? pin.slice(0, -1) : pin + key });
  return dialog(
    app,
    t("approvalTitle"),
    h("p", null, problem.detail, " ", problem.amount ? t("approvalAmount", { amount: money(app, problem.amount) }) : ""),
    people.length ? null : h("p", null, t("nobodyApproves")),
    h(
      "div",
      { class: "choices", role: "group", "aria-label": t("people") },
      people.map((/** @type {any} */ person) =>
        h("button", { key: person.id, type: "button", "aria-pressed": `${chosen === person.id}`, onclick: () => change({ chosen: person.id, pin: "" }) }, person.display_name),
      ),
    ),
    chosen
      ? form(
          approve,
          { class: "pin", key: `pin ${chosen}` },
          field(t("pin"), {
            name: "pin",
            type: "password",
            inputmode: "numeric",
            required: true,
            value: pin,
            oninput: (/** @type {any} */ event) => change({ pin: event.target.value }),
            onmount: (/** @type {HTMLElement} */ element) => element.focus(),
          }),
          keypad(press, t("pin")),
          h("button", { class: "primary", disabled: app.isBusy }, t("approve")),
        )
      : null,
  );
}
