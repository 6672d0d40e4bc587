/** Opening the shift: the float in the drawer. */

import { beginClosing, openShift } from "../actions/shift.js";
import { readNumber } from "./format.js";
import { h } from "./render.js";
import { button, field, form } from "./parts.js";
import { t } from "../texts/texts.js";

/** @param {import("../app.js").App} app */
export function showOpen(app) {
  const suggested = app.suggestedFloat ?? "";
  const open = (/** @type {any} */ { float }) =>
    app.run(async () => {
      const amount = readNumber(float, app.exponent, true);
      if (amount === null) throw new Error(t("badAmount"));
      await openShift(app, amount);
    });
  return h(
    "section",
    { class: "card" },
    h("h1", null, t("openTitle")),
    app.isOnline ? null : h("p", null, t("openOffline")),
    app.isPersisted ? null : h("p", { class: "hint" }, t("notPersisted")),
    form(
      open,
      {},
      field(t("float"), {
        name: "float",
        inputmode: "decimal",
        required: true,
        "data-focus": true,
        onmount: (/** @type {HTMLInputElement} */ element) => {
          element.value = suggested;
          element.select();
        },
      }),
      h("button", { class: "primary", disabled: app.isBusy || !app.isOnline }, t("openShift")),
    ),
    app.ended
      ? button(t("finishClosing"), () => app.run(() => beginClosing(app, app.ended)), { disabled: app.isBusy })
      : null,
    app.settings.tenant.shifts_required
      ? null
      : button(t("noShiftNeeded"), () => app.update({ phase: "sell", message: "" }), { class: "quiet", disabled: app.isBusy }),
  );
}
