/** The e-mail address for a receipt. */

import { mailReceipt } from "../../actions/receipt.js";
import { t } from "../../texts/texts.js";
import { dialog, field, form } from "../parts.js";
import { h } from "../render.js";

/** @typedef {import("../../app.js").App} App */

/** @param {App} app */
export function showMail(app) {
  const { order, email } = app.dialog;
  return dialog(
    app,
    t("sendMail"),
    form(
      (/** @type {any} */ values) => app.run(() => mailReceipt(app, order, values.email.trim())),
      {},
      field(t("email"), {
        name: "email",
        type: "email",
        required: true,
        "data-focus": true,
        onmount: (/** @type {HTMLInputElement} */ element) => (element.value = email),
      }),
      h("button", { class: "primary", disabled: app.isBusy }, t("send")),
    ),
  );
}
