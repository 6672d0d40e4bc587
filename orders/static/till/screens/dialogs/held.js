/** Held carts. */

import { takeUpCart } from "../../actions/cart.js";
import { locale, t } from "../../texts/texts.js";
import { formatDateTime } from "../format.js";
import { button, dialog, money } from "../parts.js";
import { h } from "../render.js";

/** @typedef {import("../../app.js").App} App */

/** @param {App} app */
export function showHeld(app) {
  return dialog(
    app,
    t("heldTitle"),
    h(
      "div",
      { class: "choices" },
      app.held.map(({ cart, at, total }, position) =>
        button(
          `${formatDateTime(at, locale)} · ${t("lineCount", { count: cart.lines.length })} · ${money(app, total)}`,
          () => app.run(() => takeUpCart(app, position)),
          { name: cart.id },
        ),
      ),
    ),
  );
}
