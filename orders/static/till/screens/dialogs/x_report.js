/** The X report: the shift so far. */

import { getPaper, printText } from "../../print/receipt.js";
import { t } from "../../texts/texts.js";
import { button, dialog } from "../parts.js";
import { h } from "../render.js";

/** @typedef {import("../../app.js").App} App */

/** @param {App} app */
export function showXReportText(app) {
  const { text } = app.dialog;
  const print = () => app.run(async () => printText(text, getPaper(app.settings.profile)));
  return dialog(
    app,
    t("xReport"),
    h("pre", { class: "receipt", tabindex: "0", "aria-label": t("xReport") }, text),
    button(t("print"), print, { name: "print", class: "primary", disabled: app.isBusy }),
  );
}
