/** The X report: the shift so far. */

import { printLines } from "../../actions/print.js";
import { t } from "../../texts/texts.js";
import { button, dialog } from "../parts.js";
import { h } from "../render.js";

/** @typedef {import("../../app.js").App} App */

/** @param {App} app */
export function showXReportText(app) {
  const { text } = app.dialog;
  const print = () => app.run(() => printLines(app, text));
  return dialog(
    app,
    t("xReport"),
    h("pre", { class: "receipt", tabindex: "0", "aria-label": t("xReport") }, text),
    button(t("print"), print, { name: "print", class: "primary", disabled: app.isBusy }),
  );
}
