/** Cash into the drawer or out of it. */

import { moveCash } from "../../actions/shift.js";
import { t } from "../../texts/texts.js";
import { dialog, field, form } from "../parts.js";
import { h } from "../render.js";
import { requireNumber } from "./number.js";

/** @typedef {import("../../app.js").App} App */

/** Cash into the drawer or out of it, and opening it without a sale. @param {App} app */
export function showDrawer(app) {
  const move = (/** @type {any} */ { type, amount, reason }) =>
    app.run(async () => {
      const isNothing = type === "no_sale";
      const moved = isNothing ? {} : { amount: requireNumber(amount, app.exponent, true) };
      await moveCash(app, { id: app.dialog.id, type, reason: reason.trim(), ...moved });
    });
  const { type: initial = "paid_in" } = app.dialog;
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
        h("select", { name: "type", "data-focus": true }, types.map((type) => h("option", { value: type, key: type, onmount: (/** @type {HTMLOptionElement} */ option) => (option.selected = type === initial) }, t(type)))),
      ),
      field(t("amount"), { name: "amount", inputmode: "decimal" }),
      field(t("reason"), { name: "reason", required: true, maxlength: 200 }),
      h("button", { class: "primary", disabled: app.isBusy }, t("save")),
    ),
  );
}
